package google

import (
	"context"
	"errors"
	"time"

	"mekong/pipeline"
	"mekong/sinks/token"
)

// testingLife is how long a refresh token lives while the app is in Testing.
const testingLife = 7 * 24 * time.Hour

// Findings says how the sign-in stands, and renews it if it is due, to know that it
// can be. setting is the path of the sink's block.
func (p *Person) Findings(ctx context.Context, setting string) []pipeline.Finding {
	where := Where{Setting: setting, Login: p.login}
	st, err := p.Standing(ctx)
	if err != nil || st.Broken != nil && !errors.Is(st.Broken, token.ErrReauthorise) {
		return p.Session.Findings(ctx, setting, p.login)
	}
	if st.Broken == nil {
		if _, err := p.Token(ctx); err != nil && !errors.Is(err, token.ErrReauthorise) {
			return []pipeline.Finding{Diagnose(err, where)}
		}
		if st, err = p.Standing(ctx); err != nil {
			return p.Session.Findings(ctx, setting, p.login)
		}
	}
	found := p.Session.Findings(ctx, setting, p.login)
	var broken *token.BrokenError
	switch {
	case errors.As(st.Broken, &broken) && inTesting(st, broken):
		for i := range found {
			found[i].Fix = "the sign-in ended after seven days, as it does while the app is in Testing: publish it at " + audiencePage + ", then " + found[i].Fix
		}
	case st.Broken != nil:
		for i := range found {
			found[i].Fix += "; what was taken back: " + permissionsPage
		}
	case st.RefreshExpires.IsZero():
		found = append(found, pipeline.Finding{Level: pipeline.OK, Setting: setting,
			What: "when the sign-in ends was not told: it does when it is taken back, after six months without use, and after seven days while the app is in Testing (" + audiencePage + ")"})
	}
	return found
}

// inTesting reports whether a sign-in ended at the age at which those of an app in
// Testing do. In use, that shows within the hour that an access token lives.
func inTesting(st token.Standing, broken *token.BrokenError) bool {
	if st.SignedIn.IsZero() || broken.Since.IsZero() {
		return false
	}
	age := broken.Since.Sub(st.SignedIn)
	return age > testingLife-time.Hour && age < testingLife+24*time.Hour
}
