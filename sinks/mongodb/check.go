package mongodb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"mekong/pipeline"
)

// Check connects, and says what an operator should know of the server, the
// login's rights, the write concern and the indexes. It only reads.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding {
	coll, err := s.collection()
	if err != nil {
		return []pipeline.Finding{s.trouble(explain(err))}
	}
	db := coll.Database()
	var hello struct {
		SetName  string   `bson:"setName"`
		Msg      string   `bson:"msg"`
		Hosts    []string `bson:"hosts"`
		Passives []string `bson:"passives"`
	}
	if err := run(ctx, db.Client().Database("admin"), "hello", &hello); err != nil {
		return []pipeline.Finding{s.trouble(explain(err))}
	}
	var build struct {
		Version string `bson:"version"`
	}
	if err := run(ctx, db.Client().Database("admin"), "buildInfo", &build); err != nil {
		return []pipeline.Finding{s.trouble(explain(err))}
	}
	found := []pipeline.Finding{{
		Level: pipeline.OK, Setting: s.setting("uri"),
		What: fmt.Sprintf("connected to a server of version %q; records go to %s.%s", build.Version, s.conf.Database, s.conf.Collection),
	}}
	found = append(found, s.checkCopies(hello.SetName, hello.Msg, len(hello.Hosts)+len(hello.Passives)))
	found = append(found, s.checkRights(ctx, db)...)
	return append(found, s.checkIndexes(ctx, coll))
}

func run(ctx context.Context, db *mongo.Database, command string, into any) error {
	return db.RunCommand(ctx, bson.D{{Key: command, Value: 1}}).Decode(into)
}

// trouble is a finding about a call that failed, with the setting that is the
// likeliest cause.
func (s *Sink) trouble(f failure) pipeline.Finding {
	setting, fix := "uri", "see that the server runs, that the address is right, and that no firewall is between"
	switch {
	case f.code == 18 || f.code == 11 || f.code == 391 || f.what == "the login failed":
		fix = "correct the user or the password in the address, or the database the user is defined in (authSource)"
	case f.code == 13 || f.code == 8000:
		fix = fmt.Sprintf("give the user the role readWrite on the database %q", s.conf.Database)
	case f.code == 73:
		setting, fix = "database", "choose names that MongoDB allows for database and collection"
	case f.code == 166:
		setting, fix = "collection", "the name is that of a view; choose a collection"
	case f.code == 85 || f.code == 86:
		setting, fix = "collection", "drop the index of that name; the sink makes its own again"
	case f.what == errURI.Error():
		fix = "write it as mongodb://user:password@host:27017/?authSource=admin"
	case f.what == errUnacknowledged.Error():
		fix = "take w=0 out of the address"
	}
	return pipeline.Finding{Level: pipeline.Fail, Setting: s.setting(setting), What: f.what, Fix: fix}
}

// checkCopies tells on how many disks a record is when it counts as stored.
func (s *Sink) checkCopies(set, msg string, members int) pipeline.Finding {
	concern, err := s.writeConcern()
	if err != nil {
		return pipeline.Finding{Level: pipeline.Fail, Setting: s.setting("write_concern"), What: err.Error(), Fix: "write majority"}
	}
	n, counted := concern.W.(int)
	setting := s.setting("write_concern")
	switch {
	case msg == "isdbgrid":
		return pipeline.Finding{Level: pipeline.OK, Setting: setting, What: fmt.Sprintf("a sharded cluster; a record is stored when %v of its shard's members have it on disk", concern.W)}
	case set == "" && counted && n > 1:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("asks for %d members, and the server has no replicas", n), Fix: "write majority"}
	case set == "":
		return pipeline.Finding{
			Level: pipeline.Warn, Setting: setting,
			What: "the server has no replicas: a record is stored when it is on 1 disk, and lost with that disk",
			Fix:  "give the address of a replica set, or back the server up",
		}
	case counted && n > members:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("asks for %d members, and the replica set has %d", n, members), Fix: "write majority"}
	}
	if concern.W == writeconcern.WCMajority {
		n = members/2 + 1
	}
	return pipeline.Finding{Level: pipeline.OK, Setting: setting, What: fmt.Sprintf("a replica set of %d; a record is stored when it is on at least %d disks", members, n)}
}

// privilege is one line of what a user may do.
type privilege struct {
	Resource struct {
		DB          *string `bson:"db"`
		Collection  *string `bson:"collection"`
		AnyResource bool    `bson:"anyResource"`
	} `bson:"resource"`
	Actions []string `bson:"actions"`
}

// checkRights compares what the login may do with what the sink does. A server
// without logins, or one that does not tell, gives no finding.
func (s *Sink) checkRights(ctx context.Context, db *mongo.Database) []pipeline.Finding {
	var status struct {
		AuthInfo struct {
			Users      []bson.Raw  `bson:"authenticatedUsers"`
			Privileges []privilege `bson:"authenticatedUserPrivileges"`
		} `bson:"authInfo"`
	}
	err := db.RunCommand(ctx, bson.D{{Key: "connectionStatus", Value: 1}, {Key: "showPrivileges", Value: true}}).Decode(&status)
	if err != nil {
		return []pipeline.Finding{s.trouble(explain(err))}
	}
	if len(status.AuthInfo.Users) == 0 || len(status.AuthInfo.Privileges) == 0 {
		return nil
	}
	allowed := map[string]bool{}
	for _, p := range status.AuthInfo.Privileges {
		r := p.Resource
		here := r.AnyResource ||
			r.DB != nil && (*r.DB == "" || *r.DB == s.conf.Database) &&
				r.Collection != nil && (*r.Collection == "" || *r.Collection == s.conf.Collection)
		for _, a := range p.Actions {
			allowed[a] = allowed[a] || here
		}
	}
	var lacking []string
	for _, action := range []string{"find", "insert", "update", "remove", "createIndex", "listIndexes"} {
		if !allowed[action] && !allowed["anyAction"] {
			lacking = append(lacking, action)
		}
	}
	if len(lacking) > 0 {
		return []pipeline.Finding{{
			Level: pipeline.Fail, Setting: s.setting("uri"),
			What: fmt.Sprintf("the user may not %s on %s.%s", strings.Join(lacking, ", "), s.conf.Database, s.conf.Collection),
			Fix:  fmt.Sprintf("give the user the role readWrite on the database %q", s.conf.Database),
		}}
	}
	return []pipeline.Finding{{Level: pipeline.OK, Setting: s.setting("uri"), What: "the user may read, write and erase the records"}}
}

// listed is an index as the server tells of it.
type listed struct {
	Name string `bson:"name"`
	Key  bson.D `bson:"key"`
}

// checkIndexes compares the indexes that are there with those the sink keeps.
func (s *Sink) checkIndexes(ctx context.Context, coll *mongo.Collection) pipeline.Finding {
	cursor, err := coll.Indexes().List(ctx)
	var list []listed
	if err == nil {
		err = cursor.All(ctx, &list)
	}
	if err != nil {
		return s.trouble(explain(err))
	}
	setting := s.setting("collection")
	missing := 0
	for _, want := range indexes() {
		i := slices.IndexFunc(list, func(have listed) bool { return have.Name == want.name })
		switch {
		case i < 0:
			missing++
		case !sameKeys(list[i].Key, want.keys):
			return pipeline.Finding{
				Level: pipeline.Fail, Setting: setting,
				What: fmt.Sprintf("the index %q is over other fields than the sink's of that name", want.name),
				Fix:  "drop that index, or give it another name; the sink makes its own again",
			}
		}
	}
	if missing > 0 {
		return pipeline.Finding{Level: pipeline.OK, Setting: setting, What: fmt.Sprintf("%d of %d indexes are not there yet; the first write makes them", missing, len(indexes()))}
	}
	return pipeline.Finding{Level: pipeline.OK, Setting: setting, What: fmt.Sprintf("all %d indexes are there", len(indexes()))}
}

// sameKeys compares the fields and directions of two indexes. Servers give a
// direction in whatever kind of number they like.
func sameKeys(a, b bson.D) bool {
	return slices.EqualFunc(a, b, func(x, y bson.E) bool {
		return x.Key == y.Key && fmt.Sprint(x.Value) == fmt.Sprint(y.Value)
	})
}
