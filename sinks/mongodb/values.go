package mongodb

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// encode turns a value into BSON. Numbers that are none are kept as text: they
// come from an expression gone wrong, the lead is good, and a column of numbers
// with a NaN in it cannot be added up. Bytes that are no UTF-8 become U+FFFD, as
// a reader would show them.
func encode(v any) (bson.RawValue, error) {
	switch v := v.(type) {
	case string:
		return text(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return text(strconv.FormatFloat(v, 'g', -1, 64)), nil
		}
		return bson.RawValue{Type: bson.TypeDouble, Value: bsoncore.AppendDouble(nil, v)}, nil
	case nil:
		return bson.RawValue{Type: bson.TypeNull}, nil
	case bool:
		return bson.RawValue{Type: bson.TypeBoolean, Value: bsoncore.AppendBoolean(nil, v)}, nil
	case []string:
		start, list := bsoncore.AppendArrayStart(nil)
		for i, s := range v {
			list = appendValue(list, strconv.Itoa(i), text(s))
		}
		list = bsoncore.UpdateLength(append(list, 0), start, int32(len(list)+1))
		return bson.RawValue{Type: bson.TypeArray, Value: list}, nil
	default:
		return bson.RawValue{}, fmt.Errorf("a field holds a %T, which no record should", v)
	}
}

func text(s string) bson.RawValue {
	return bson.RawValue{Type: bson.TypeString, Value: bsoncore.AppendString(nil, strings.ToValidUTF8(s, "\uFFFD"))}
}

// date is t to the millisecond, which is all that a BSON date holds.
func date(t time.Time) bson.RawValue {
	return bson.RawValue{Type: bson.TypeDateTime, Value: bsoncore.AppendDateTime(nil, at(t).UnixMilli())}
}

func appendValue(doc []byte, name string, v bson.RawValue) []byte {
	return append(bsoncore.AppendHeader(doc, bsoncore.Type(v.Type), name), v.Value...)
}
