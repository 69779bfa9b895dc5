package sinks

import (
	"errors"
	"fmt"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/larkbase"
	"mekong/sinks/larkchat"
	"mekong/sinks/mongodb"
	"mekong/sinks/sheets"
)

func openMongoDB(name string, c config.MongoDB, o Options) (*mongodb.Sink, error) {
	var how mongodb.Options
	if c.URI.IsZero() {
		if o.LocalMongoDB == nil {
			return nil, fmt.Errorf("mongodb has no uri, and there is no embedded server here; write the uri of a MongoDB server")
		}
		var err error
		if how, err = o.LocalMongoDB(); err != nil {
			return nil, err
		}
	}
	return mongodb.New(name, c, how)
}

func openLarkBase(name string, c config.LarkBase, timezone string, all shared, o Options) (*larkbase.Sink, error) {
	var how larkbase.Options
	if o.LarkBase != nil {
		how = o.LarkBase(name)
	}
	if c.Identity == config.IdentityUser && how.Tokens == nil {
		// Never as the app instead: rows would be somebody else's.
		return nil, errors.New("larkbase: identity: there is no sign-in here to write with")
	}
	how.Gates = all.bases
	if how.Location == nil {
		loc, err := time.LoadLocation(timezone)
		if err != nil {
			return nil, fmt.Errorf("timezone: %w", err)
		}
		how.Location = loc
	}
	s, err := larkbase.New(name, c, how)
	if err != nil {
		return nil, fmt.Errorf("larkbase: %w", err)
	}
	return s, nil
}

func openLarkChat(name string, c config.LarkChat, timezone string, o Options) (pipeline.Sink, pipeline.Limits, error) {
	var how larkchat.Options
	if o.LarkChat != nil {
		how = o.LarkChat(name)
	}
	var err error
	if how.Location, err = time.LoadLocation(timezone); err != nil {
		return nil, pipeline.Limits{}, fmt.Errorf("timezone: %w", err)
	}
	s, err := larkchat.New(name, c, how)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	return s, s.Limits(), nil
}

var errNoAccount = errors.New("there is nobody here to write as; it is opened by whoever knows the account")

func openSheets(name string, c config.Sheets, timezone string, all shared, o Options) (*sheets.Sink, error) {
	if o.Sheets == nil {
		return nil, fmt.Errorf("sheets: %w", errNoAccount)
	}
	how, err := o.Sheets(name)
	if err != nil {
		return nil, fmt.Errorf("sheets: %w", err)
	}
	how.Gates, how.Accounts = all.sheets, all.accounts
	if how.Location, err = time.LoadLocation(timezone); err != nil {
		return nil, fmt.Errorf("timezone: %w", err)
	}
	s, err := sheets.New(name, c, how)
	if err != nil {
		return nil, fmt.Errorf("sheets: %w", err)
	}
	return s, nil
}

func openAppsScript(name string, c config.AppsScript, timezone string, all shared) (*appsscript.Sink, error) {
	zone, err := time.LoadLocation(timezone)
	if err != nil {
		return nil, fmt.Errorf("timezone: %w", err)
	}
	s, err := appsscript.New(name, c, appsscript.Options{Gates: all.scripts, Location: zone})
	if err != nil {
		return nil, fmt.Errorf("appsscript: %w", err)
	}
	return s, nil
}
