package lark

import (
	"fmt"

	"mekong/pipeline"
)

// Symptom is something wrong that no error tells (`lark.md` §5.4).
type Symptom int

// The symptoms.
const (
	// EmptyReads: calls succeed, and rows or their cells are missing.
	EmptyReads Symptom = iota
	// EmptyRows: rows were created and have no cells.
	EmptyRows
	// Seconds: dates are in 1970.
	Seconds
	// NotListed: the app is not offered under "Add document app".
	NotListed
	// CustomBot: a group's custom bot was added in the app's place.
	CustomBot
	// OtherBrand: the link belongs to the other brand than the app.
	OtherBrand
	// AdvancedOn: advanced permissions are on, which is worth knowing before it hurts.
	AdvancedOn
)

// Finding is what to tell an operator who has the symptom.
func (s Symptom) Finding(w Where) pipeline.Finding {
	f := pipeline.Finding{Level: pipeline.Fail, Setting: w.Setting + ".url"}
	switch s {
	case EmptyReads:
		f.What = "calls succeed, but rows or their cells are not shown: advanced permissions are on in this Base, and the app is not one of its managers"
		f.Fix = advanced.fix(w, nil)
	case EmptyRows:
		f.Setting = w.Setting + ".columns"
		f.What = "rows are created without any value: no field of the records reaches a column"
		f.Fix = "compare columns: with the fields that the transform gives, and with the table: " + w.document()
	case Seconds:
		f.Setting = w.Setting + ".columns"
		f.What = w.column() + " shows dates in 1970: it was sent seconds, and takes milliseconds"
		f.Fix = "map a field that the transform knows as a time, or multiply by 1000 in its expression"
	case NotListed:
		f.Setting = w.Setting + ".app_id"
		f.What = "the app is not offered under \"Add document app\": it has no scope for documents, or no released version whose availability includes the document's owner; only an owner or manager of the Base may add it"
		f.Fix = "tick bitable:app: " + w.console("auth?q=bitable:app") + ";" + release + " Set the availability there too: " + w.console("version")
	case CustomBot:
		f.What = "a group's custom bot was added to the document: it has no identity for calls, and no right comes of it"
		f.Fix = addDocumentApp(w, nil)
	case OtherBrand:
		f.What = fmt.Sprintf("the link is to %s and the app is one of %s; an app exists on the brand where it was created and on no other", brandName(w.Link.Brand), brandName(w.Brand))
		f.Fix = "set brand to that of the link, with the App ID and App Secret of an app created there, or take the link of a Base on the app's brand"
	case AdvancedOn:
		f.Level = pipeline.Warn
		f.What = "advanced permissions are on in this Base: whoever does not manage it may see no rows, or be refused"
		f.Fix = "see that the app \"can manage\" the Base: " + advanced.fix(w, nil)
	}
	return f
}

func brandName(brand string) string {
	switch brand {
	case BrandLark:
		return "Lark (larksuite.com)"
	case BrandFeishu:
		return "Feishu (feishu.cn)"
	}
	return "neither brand"
}
