package lark

import "time"

// code is what one of the platform's codes means.
type code struct {
	words  string // for an operator
	class  Class
	wait   time.Duration // before it is tried again; 0: the worker's own pause
	maybe  bool          // it may have been carried out
	shrink bool          // less in one call may go through
}

// explain is what is known of a code; an unknown one is judged by its HTTP status.
func explain(n, status int) code {
	if c, ok := codes[n]; ok {
		return c
	}
	switch {
	case status == 429:
		return code{words: "too many calls", class: Throttled, wait: time.Second}
	case status == 413:
		return code{words: "the request is too large", class: Large, shrink: true}
	case status >= 500:
		return code{words: "the platform failed", class: Down, maybe: true}
	case status == 401 || status == 403:
		return code{words: "refused", class: Setup}
	}
	return code{words: "an error that is not known here", class: Unknown}
}

// codes is never written to. Its sources are `lark.md` §1.5, §2.6, §4, §6.6, §7 and
// §8.1; where a code could be a record's fault or the table's, the remark there and
// the architecture's rule decide: what is about a table's shape is no record's fault.
var codes = map[int]code{
	// Tokens and gateway, §1.5.
	99991661: {words: "the call had no token", class: Bug},
	99991663: {words: "the token was refused as invalid or expired", class: Stale},
	99991664: {words: "the app token was refused", class: Stale},
	99991665: {words: "the tenant token was refused", class: Stale},
	99991671: {words: "the token was refused as malformed", class: Stale},
	99991668: {words: "the user token was refused", class: Stale},
	99991677: {words: "the user token has expired", class: Stale},
	99991669: {words: "the sign-in's refresh token is no longer good", class: Setup},
	99991672: {words: "the app lacks a scope", class: Setup},
	99991679: {words: "the user has not granted a scope", class: Setup},
	99991676: {words: "the token has no permission for this", class: Setup},
	99991662: {words: "the app is disabled", class: Setup},
	99991673: {words: "the app is not available in this tenant", class: Setup},
	99991543: {words: "app_id or app_secret is wrong", class: Setup},
	10003:    {words: "app_id or app_secret is missing or malformed", class: Setup},
	10012:    {words: "the app ticket is invalid", class: Setup},
	10013:    {words: "the tenant key is invalid", class: Setup},
	10014:    {words: "the app is not available, or app_secret is wrong", class: Setup},
	10015:    {words: "app_secret is wrong", class: Setup},
	20013:    {words: "the app's credentials were refused", class: Setup},
	99991400: {words: "too many calls", class: Throttled, wait: time.Second},
	99991401: {words: "this machine's address is not on the app's IP allow-list", class: Setup},
	99991403: {words: "the month's API calls are spent", class: Quota, wait: time.Hour},
	99991406: {words: "the package of advanced API calls is spent", class: Quota, wait: time.Hour},
	99991201: {words: "the platform knows no such call", class: Setup},
	99991301: {words: "the platform knows no such method of this call", class: Setup},
	99992402: {words: "a parameter of the request was disliked", class: Bug},
	99992351: {words: "a person's open_id is unknown", class: Data},
	99992361: {words: "a person's open_id belongs to another app", class: Data},
	1500:     {words: "the platform failed", class: Down, maybe: true},
	1663:     {words: "the platform failed", class: Down, maybe: true},
	1668:     {words: "the platform failed", class: Down, maybe: true},
	2200:     {words: "the platform failed, often because calls come too fast", class: Down, wait: 2 * time.Second, maybe: true},
	5000:     {words: "the platform failed, often because calls come too fast", class: Down, wait: 2 * time.Second, maybe: true},

	// The request, §2.6.
	1254000: {words: "the request's JSON was not understood", class: Bug},
	1254001: {words: "the request's body was not understood", class: Bug},
	1254002: {words: "the platform says only that it failed: too large, too much at once, or a fault of its own", class: Unknown, wait: time.Second, maybe: true, shrink: true},
	1254007: {words: "a value is empty", class: Bug},
	1254010: {words: "a value could not be converted", class: Data},
	1254011: {words: "the page size was disliked", class: Bug},
	1254030: {words: "the answer would be too large, or the page token is invalid", class: Bug, shrink: true},
	1254037: {words: "the client_token is no UUIDv4", class: Bug},
	1254107: {words: "the filter is too long", class: Bug},
	1254108: {words: "the sort is too long", class: Bug},
	1254109: {words: "the formula is too long", class: Bug},

	// Where it goes.
	91402:   {words: "there is no such Base: deleted, or the token of a wiki page", class: Setup},
	91403:   {words: "this identity has no permission on the document", class: Setup},
	91404:   {words: "not logged in", class: Setup},
	1254003: {words: "the app_token is wrong: typically the token of a wiki page", class: Setup},
	1254004: {words: "the table id is malformed", class: Setup},
	1254005: {words: "the view id is malformed", class: Setup},
	1254006: {words: "a record id is malformed", class: Gone},
	1254008: {words: "the view is empty", class: Shape},
	1254009: {words: "a field id is malformed", class: Shape},
	1254040: {words: "there is no such Base", class: Setup},
	1254041: {words: "there is no such table", class: Shape, wait: 5 * time.Second},
	1254042: {words: "there is no such view", class: Shape},
	1254043: {words: "there is no such record (any more, or not visible yet)", class: Gone},
	1254044: {words: "there is no such column", class: Shape, wait: 5 * time.Second},
	1254045: {words: "there is no column of that name: renamed, deleted, or hidden by advanced permissions", class: Shape},

	// The table's shape.
	1254012: {words: "that type of column or view is not supported there", class: Shape},
	1254013: {words: "there is a table of that name already", class: Shape},
	1254014: {words: "there is a column of that name already", class: Shape},
	1254016: {words: "the sort was disliked", class: Shape},
	1254018: {words: "the filter was disliked", class: Shape},
	1254021: {words: "there is a view of that name already", class: Shape},
	1254022: {words: "the view's name is invalid", class: Shape},
	1254024: {words: "the list of columns was disliked", class: Shape},
	1254029: {words: "the column's name is invalid", class: Shape},
	1254032: {words: "the table's name is invalid", class: Shape},
	1254036: {words: "the Base is being copied", class: Busy, wait: 5 * time.Second},

	// Values.
	1254015: {words: "a value does not fit its column's type", class: Data},
	1254027: {words: "the attachment was not uploaded to this Base", class: Data},
	1254060: {words: "a value does not fit a text column", class: Data},
	1254061: {words: "a value does not fit a number column", class: Data},
	1254062: {words: "a value does not fit a single-select column, or its options come from elsewhere", class: Data},
	1254063: {words: "a value does not fit a multi-select column, or its options come from elsewhere", class: Data},
	1254064: {words: "a value does not fit a date column", class: Data},
	1254065: {words: "a value does not fit a checkbox column", class: Data},
	1254066: {words: "a value does not fit a person column, or the person is another app's", class: Data},
	1254067: {words: "a value does not fit a link column", class: Data},
	1254068: {words: "a value does not fit a url column", class: Data},
	1254069: {words: "a value does not fit an attachment column", class: Data},
	1254072: {words: "a value does not fit a phone column", class: Data},
	1254074: {words: "a value does not fit a two-way link column", class: Data},
	1254130: {words: "a cell is too large", class: Large, shrink: true},
	1254303: {words: "the attachment was not uploaded to this Base", class: Data},

	// Limits.
	1254100: {words: "the Base takes no more tables", class: Full},
	1254101: {words: "the table takes no more views", class: Full},
	1254102: {words: "the folder takes no more files", class: Full},
	1254103: {words: "the table is full", class: Full},
	1254104: {words: "too many records in one call", class: Large, shrink: true},
	1254105: {words: "the table takes no more columns", class: Full},
	1254106: {words: "a cell has too many attachments", class: Data},
	1254306: {words: "the plan of the tenant, or of the Base's owner, allows no more", class: Full},

	// Too fast, too much at once.
	1254112: {words: "too many calls to this Base", class: Throttled, wait: time.Second},
	1254290: {words: "too many calls", class: Throttled, wait: time.Second},
	1254291: {words: "another write to this Base was under way", class: Busy, wait: time.Second},
	1254607: {words: "the Base is still busy with earlier calls, or this one is too heavy", class: Busy, wait: 3 * time.Second, shrink: true},

	// Permissions of the document.
	1254301: {words: "the operation is not supported there, or advanced permissions are off", class: Setup},
	1254302: {words: "advanced permissions forbid it", class: Setup},
	1254304: {words: "advanced permissions forbid it: it takes who can manage the Base", class: Setup},

	// Maybe carried out, §2.3.
	1254608: {words: "the same request is being carried out", class: Busy, wait: 2 * time.Second, maybe: true},
	1255006: {words: "the client_token was used before", class: Repeat, maybe: true},
	1255040: {words: "the platform took too long; the call may have been carried out", class: Down, maybe: true, shrink: true},
	1255001: {words: "the platform failed", class: Down, wait: time.Second, maybe: true},
	1255002: {words: "the platform failed", class: Down, wait: time.Second, maybe: true},
	// These three could be about one record's content, so they are counted: a
	// record that breaks the platform every time must not hold all others for ever.
	1255003: {words: "the platform failed to encode", class: Unknown, maybe: true, shrink: true},
	1255004: {words: "the platform failed to decode", class: Unknown, maybe: true, shrink: true},
	1255005: {words: "the platform failed to convert", class: Unknown, maybe: true, shrink: true},

	// Wiki, §4.
	131001: {words: "the wiki failed", class: Down},
	131002: {words: "the wiki disliked a parameter", class: Bug},
	131004: {words: "the wiki does not know this identity", class: Setup},
	131005: {words: "there is no such wiki page", class: Setup},
	131006: {words: "this identity may not read the wiki page", class: Setup},
	131007: {words: "the wiki failed for good", class: Unknown},

	// Messages, §6.6.
	230001: {words: "a parameter of the message was disliked", class: Bug},
	230002: {words: "the bot is not in the chat", class: Setup},
	230006: {words: "the app's bot ability is off", class: Setup},
	230011: {words: "the message was recalled", class: Data},
	230013: {words: "the person is outside the bot's availability", class: Data},
	230020: {words: "too many messages", class: Throttled, wait: time.Second},
	230025: {words: "the message is too long", class: Data},
	230099: {words: "the card could not be built", class: Data},

	// Custom bots, §8.1.
	9499:  {words: "the bot disliked the request", class: Bug},
	11232: {words: "too many messages", class: Throttled, wait: time.Second},
	19001: {words: "there is no such bot: its address is wrong, or it was removed", class: Setup},
	19002: {words: "the bot disliked a parameter", class: Bug},
	19021: {words: "the bot refused the signature: its secret is wrong, or a clock is", class: Setup},
	19022: {words: "this machine's address is not on the bot's allow-list", class: Setup},
	19024: {words: "the message has none of the bot's keywords", class: Setup},
	19036: {words: "the message is too large", class: Data},
}
