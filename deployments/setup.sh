#!/bin/sh
# Makes the secrets that compose.yaml and compose.cluster.yaml name, once. What is there
# already is kept. Back the folder up: a restored MongoDB wants its old password.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

# made NAME: a new random secret of 48 hexadecimal digits, where there is none yet.
made() {
  [ -s "secrets/$1" ] && return
  od -An -tx1 -N24 /dev/urandom | tr -d ' \n' > "secrets/$1"
  echo "made deployments/secrets/$1"
}

made ladipage_token
made nats_token
made nats_route
made mongodb_password
made mongodb_key
made grafana_password
printf 'authorization { token: "%s" }\n' "$(cat secrets/nats_token)" > secrets/nats_auth
{
  printf 'authorization { user: "route", password: "%s", timeout: 5 }\nroutes: [\n' "$(cat secrets/nats_route)"
  printf '  "nats://route:%s@%s:6222"\n' "$(cat secrets/nats_route)" nats-1 "$(cat secrets/nats_route)" nats-2 "$(cat secrets/nats_route)" nats-3
  printf ']\n'
} > secrets/nats_routes
printf 'uri: "mongodb://mekong:%s@127.0.0.1:27017/?authSource=admin"\n' "$(cat secrets/mongodb_password)" > secrets/mongodb_tools

# The containers run as users of their own and get the files one by one; the folder keeps
# everybody else on this machine out.
chmod 700 secrets
chmod 644 secrets/*
echo "LadiPage sends the header token: see deployments/secrets/ladipage_token"
