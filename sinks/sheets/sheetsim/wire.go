package sheetsim

import "encoding/json"

// object is a message that is stored and given back as it came: formats, colours,
// validation rules. It is never changed, only replaced.
type object = map[string]any

type valueRange struct {
	Range          string  `json:"range,omitempty"`
	MajorDimension string  `json:"majorDimension,omitempty"`
	Values         [][]any `json:"values,omitempty"`
}

type gridRange struct {
	SheetID int64  `json:"sheetId"`
	R0      *int64 `json:"startRowIndex,omitempty"`
	R1      *int64 `json:"endRowIndex,omitempty"`
	C0      *int64 `json:"startColumnIndex,omitempty"`
	C1      *int64 `json:"endColumnIndex,omitempty"`
}

type dimensionRange struct {
	SheetID   int64  `json:"sheetId"`
	Dimension string `json:"dimension,omitempty"`
	Start     *int64 `json:"startIndex,omitempty"`
	End       *int64 `json:"endIndex,omitempty"`
}

type coordinate struct {
	SheetID int64 `json:"sheetId"`
	Row     int64 `json:"rowIndex"`
	Column  int64 `json:"columnIndex"`
}

type extendedValue struct {
	Number  *float64 `json:"numberValue,omitempty"`
	String  *string  `json:"stringValue,omitempty"`
	Bool    *bool    `json:"boolValue,omitempty"`
	Formula *string  `json:"formulaValue,omitempty"`
	Error   object   `json:"errorValue,omitempty"`
}

type cellData struct {
	Entered   *extendedValue `json:"userEnteredValue,omitempty"`
	Effective *extendedValue `json:"effectiveValue,omitempty"`
	Formatted *string        `json:"formattedValue,omitempty"`
	Format    object         `json:"userEnteredFormat,omitempty"`
	Shown     object         `json:"effectiveFormat,omitempty"`
	Note      string         `json:"note,omitempty"`
	Rule      object         `json:"dataValidation,omitempty"`
	Hyperlink string         `json:"hyperlink,omitempty"`
}

type rowData struct {
	Values []cellData `json:"values,omitempty"`
}

type spreadsheet struct {
	ID       string         `json:"spreadsheetId,omitempty"`
	Props    *bookProps     `json:"properties,omitempty"`
	Sheets   []sheetWire    `json:"sheets,omitempty"`
	Named    []namedWire    `json:"namedRanges,omitempty"`
	URL      string         `json:"spreadsheetUrl,omitempty"`
	Metadata []metadataWire `json:"developerMetadata,omitempty"`
}

type bookProps struct {
	Title    string `json:"title,omitempty"`
	Locale   string `json:"locale,omitempty"`
	Recalc   string `json:"autoRecalc,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	Format   object `json:"defaultFormat,omitempty"`
	Theme    object `json:"spreadsheetTheme,omitempty"`
}

type sheetWire struct {
	Props     *sheetProps     `json:"properties,omitempty"`
	Data      []gridData      `json:"data,omitempty"`
	Metadata  []metadataWire  `json:"developerMetadata,omitempty"`
	Protected []protectedWire `json:"protectedRanges,omitempty"`
}

type sheetProps struct {
	ID     *int64     `json:"sheetId,omitempty"`
	Title  string     `json:"title,omitempty"`
	Index  *int64     `json:"index,omitempty"`
	Type   string     `json:"sheetType,omitempty"`
	Grid   *gridProps `json:"gridProperties,omitempty"`
	Hidden bool       `json:"hidden,omitempty"`
	Color  object     `json:"tabColorStyle,omitempty"`
}

type gridProps struct {
	Rows       int64 `json:"rowCount,omitempty"`
	Columns    int64 `json:"columnCount,omitempty"`
	FrozenRows int64 `json:"frozenRowCount,omitempty"`
	FrozenCols int64 `json:"frozenColumnCount,omitempty"`
}

type gridData struct {
	StartRow    int64            `json:"startRow,omitempty"`
	StartColumn int64            `json:"startColumn,omitempty"`
	Rows        []rowData        `json:"rowData,omitempty"`
	RowMeta     []dimensionProps `json:"rowMetadata,omitempty"`
	ColumnMeta  []dimensionProps `json:"columnMetadata,omitempty"`
}

type dimensionProps struct {
	HiddenByUser bool           `json:"hiddenByUser,omitempty"`
	PixelSize    int64          `json:"pixelSize,omitempty"`
	Metadata     []metadataWire `json:"developerMetadata,omitempty"`
}

type namedWire struct {
	ID    string     `json:"namedRangeId,omitempty"`
	Name  string     `json:"name,omitempty"`
	Range *gridRange `json:"range,omitempty"`
}

type protectedWire struct {
	ID          int64      `json:"protectedRangeId,omitempty"`
	Range       *gridRange `json:"range,omitempty"`
	NamedID     string     `json:"namedRangeId,omitempty"`
	Description string     `json:"description,omitempty"`
	WarningOnly bool       `json:"warningOnly,omitempty"`
	CanEdit     bool       `json:"requestingUserCanEdit,omitempty"`
	Editors     *editors   `json:"editors,omitempty"`
}

type editors struct {
	Users []string `json:"users,omitempty"`
}

type metadataWire struct {
	ID         int64         `json:"metadataId,omitempty"`
	Key        string        `json:"metadataKey,omitempty"`
	Value      string        `json:"metadataValue,omitempty"`
	Location   *locationWire `json:"location,omitempty"`
	Visibility string        `json:"visibility,omitempty"`
}

type locationWire struct {
	Type        string          `json:"locationType,omitempty"`
	Spreadsheet bool            `json:"spreadsheet,omitempty"`
	SheetID     *int64          `json:"sheetId,omitempty"`
	Dimension   *dimensionRange `json:"dimensionRange,omitempty"`
}

type dataFilter struct {
	Lookup *metadataLookup `json:"developerMetadataLookup,omitempty"`
	A1     string          `json:"a1Range,omitempty"`
	Grid   *gridRange      `json:"gridRange,omitempty"`
}

type metadataLookup struct {
	LocationType string        `json:"locationType,omitempty"`
	Location     *locationWire `json:"metadataLocation,omitempty"`
	Matching     string        `json:"locationMatchingStrategy,omitempty"`
	ID           int64         `json:"metadataId,omitempty"`
	Key          string        `json:"metadataKey,omitempty"`
	Value        string        `json:"metadataValue,omitempty"`
	Visibility   string        `json:"visibility,omitempty"`
}

// batchAsk is the body of batchUpdate.
type batchAsk struct {
	Requests    []request `json:"requests"`
	Include     bool      `json:"includeSpreadsheetInResponse"`
	Ranges      []string  `json:"responseRanges"`
	IncludeGrid bool      `json:"responseIncludeGridData"`
}

type batchAnswer struct {
	ID      string            `json:"spreadsheetId"`
	Replies []json.RawMessage `json:"replies"`
	Updated *spreadsheet      `json:"updatedSpreadsheet,omitempty"`
}
