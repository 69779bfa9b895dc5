package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"mekong/pipeline"
	"mekong/pipeline/receipt"
	"mekong/sinks/columns"
	body "mekong/sources/form"
	"mekong/sources/request"
)

// consentOf is what a delivery says about consent: what the transform made of it, and
// the fields of the form as they were sent. raw is nil where it is no longer kept.
func consentOf(raw *pipeline.Raw, records []*pipeline.Record) *receipt.Consent {
	c := &receipt.Consent{Given: receipt.Empty}
	of := &pipeline.Record{} // where nothing is said of it, its form and page are said
	if len(records) > 0 {
		of = records[0]
	}
	for _, r := range records {
		if r.Fields["consent"] != nil {
			of = r
			c.Given = given(r.Fields["consent"])
			break
		}
	}
	if c.Given != receipt.Empty {
		for _, name := range []string{"consent_text", "consent_raw", "consent"} {
			if text, ok := of.Fields[name].(string); ok && isWording(text) {
				c.Wording = text
				break
			}
		}
	}
	c.At = fieldText(of, "consent_at")
	c.Form = fieldText(of, "consent_form", "form")
	c.Page = fieldText(of, "consent_page", "page")
	c.URL = fieldText(of, "link")
	if c.Wording != "" {
		sum := sha256.Sum256([]byte(c.Wording))
		c.SHA256 = hex.EncodeToString(sum[:])
	}
	c.Sent = sentConsent(raw, c.Wording)
	return c
}

// fieldText is the first of the fields that is a text.
func fieldText(r *pipeline.Record, names ...string) string {
	for _, name := range names {
		if text, ok := r.Fields[name].(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// given reads the field consent, which is a yes or no unless the configuration says
// otherwise.
func given(v any) receipt.Answer {
	if yes, ok := v.(bool); ok {
		if yes {
			return receipt.Yes
		}
		return receipt.No
	}
	text := columns.Fold(fmt.Sprint(v))
	switch bare, known := bareAnswers[text]; {
	case known:
		return bare
	case strings.Contains(text, "khongdongy"):
		return receipt.No
	}
	return receipt.Yes
}

// bareAnswers are values of a box that are an answer and no wording, folded.
var bareAnswers = map[string]receipt.Answer{
	"": receipt.No, "true": receipt.Yes, "1": receipt.Yes, "on": receipt.Yes, "yes": receipt.Yes, "y": receipt.Yes, "ok": receipt.Yes, "x": receipt.Yes,
	"co": receipt.Yes, "v": receipt.Yes, "checked": receipt.Yes, "agree": receipt.Yes, "agreed": receipt.Yes, "accept": receipt.Yes, "accepted": receipt.Yes,
	"dongy": receipt.Yes, "false": receipt.No, "0": receipt.No, "off": receipt.No, "no": receipt.No, "n": receipt.No, "khong": receipt.No,
	"khongdongy": receipt.No, "null": receipt.No, "unchecked": receipt.No,
}

// isWording reports whether a value says what is agreed to, and not only that it is.
func isWording(text string) bool {
	_, bare := bareAnswers[columns.Fold(text)]
	return !bare
}

// Bounds of what is taken out of a form.
const (
	sentMost      = 10
	sentValueMost = 16 << 10
)

// consentNames are parts of the names that a form's field of consent has, folded.
var consentNames = []string{"consent", "agree", "dongy", "chapnhan", "camket", "dieukhoan", "terms", "gdpr", "optin"}

// sentConsent are the fields of the form that are about consent: by their name, or
// because they hold the wording.
func sentConsent(raw *pipeline.Raw, wording string) (out []receipt.Pair) {
	if raw == nil {
		return nil
	}
	parsed, err := body.Parse(raw.Meta[request.ContentType], raw.Body)
	if err != nil {
		return nil
	}
	same := columns.Fold(wording)
	for _, f := range parsed.Fields {
		value := strings.Join(f.Values, ", ")
		if len(out) == sentMost || len(value) > sentValueMost || len(f.Name) > body.MaxName {
			continue
		}
		name := columns.Fold(f.Name)
		about := same != "" && len(same) > 3 && strings.Contains(columns.Fold(value), same)
		for _, part := range consentNames {
			about = about || strings.Contains(name, part)
		}
		if about {
			out = append(out, receipt.Pair{Name: f.Name, Value: value})
		}
	}
	return out
}
