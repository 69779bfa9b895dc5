package app

import (
	"mekong/config"
	"mekong/sinks/lark"
)

// LarkOAuth signs people in with the app of a Lark Base sink.
func LarkOAuth(l config.LarkBase) (*lark.OAuth, error) {
	brand := l.Brand
	if link, err := lark.ParseLink(l.URL); brand == "" && err == nil {
		brand = link.Brand
	}
	return lark.NewOAuth(lark.Options{Brand: brand, Endpoint: l.Endpoint, AppID: l.AppID, AppSecret: l.AppSecret})
}

// LarkSession is the name under which the sign-in for a sink is kept in the store of
// tokens.
func LarkSession(sink string) string { return "lark.user." + sink }
