#!/bin/sh
# Starts one member of the replica set. mongod wants the key between the members to be its
# own file that nobody else can read, and a secret that is mounted is not.
set -eu
cp /run/secrets/mongodb_key /tmp/mongodb_key
chmod 400 /tmp/mongodb_key
exec docker-entrypoint.sh mongod --replSet mekong --bind_ip_all --keyFile /tmp/mongodb_key
