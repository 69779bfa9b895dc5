package main

import (
	"slices"
	"strings"

	"mekong/sinks/lark"
)

// larkColumn is a field of a Base as a column.
func larkColumn(f lark.Field) column {
	c := column{name: f.Name, kind: larkTypeName(f), takes: func(v value) bool { return slices.Contains(larkTakes[v], f.Type) }}
	switch {
	case f.ReadOnly():
		c.unfit = "filled by Lark"
	case f.Type == lark.TypeAttachment || f.Type == lark.TypeSingleLink || f.Type == 21:
		c.unfit = "nothing in a lead is one"
	}
	return c
}

// larkTakes are the types that take a value well.
var larkTakes = map[value][]int{
	textual: {lark.TypeText, lark.TypeSingleSelect, lark.TypeMultiSelect},
	dated:   {lark.TypeDateTime, lark.TypeText},
	linked:  {lark.TypeURL, lark.TypeText},
	phoned:  {lark.TypePhone, lark.TypeText},
	mailed:  {lark.TypeText, lark.TypeURL},
	yesNo:   {lark.TypeCheckbox, lark.TypeText},
	named:   {lark.TypeText},
}

// larkTypeName is a column's type in words.
func larkTypeName(c lark.Field) string {
	switch c.UIType {
	case "Currency", "Progress", "Rating", "Email", "Barcode":
		return strings.ToLower(c.UIType)
	}
	if name, ok := larkTypes[c.Type]; ok {
		return name
	}
	return "of an unknown type"
}

var larkTypes = map[int]string{
	lark.TypeText: "text", lark.TypeNumber: "number", lark.TypeSingleSelect: "single select", lark.TypeMultiSelect: "multi select",
	lark.TypeDateTime: "date", lark.TypeCheckbox: "checkbox", lark.TypePerson: "person", lark.TypePhone: "phone", lark.TypeURL: "link",
	lark.TypeAttachment: "attachment", lark.TypeSingleLink: "link to rows", lark.TypeLookup: "lookup", lark.TypeFormula: "formula", 21: "link to rows",
	lark.TypeLocation: "location", lark.TypeGroupChat: "group", lark.TypeStage: "stage", lark.TypeCreatedTime: "created time",
	lark.TypeModifiedTime: "modified time", lark.TypeCreatedUser: "created by", lark.TypeModifiedUser: "modified by",
	lark.TypeAutoNumber: "auto number", lark.TypeButton: "button",
}
