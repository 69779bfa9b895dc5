package larksim

import "net/http"

// meaning is what a code is called and which HTTP status brings it: on older
// pages, and on newer ones (`lark.md` §1.5, §2.6).
type meaning struct {
	name     string
	old, new int
}

// describe gives the name of a code and its status in the style in force. A
// code that is not in the table is named after itself and sent with 400.
func (s *Sim) describe(code int) (string, int) {
	s.mu.Lock()
	old := s.opts.OldStatus
	s.mu.Unlock()
	m := means(code)
	if old {
		return m.name, m.old
	}
	return m.name, m.new
}

// gateway says whether a code is given out before the service is reached.
func gateway(code int) bool { return code >= 99990000 && code <= 99999999 }

func means(code int) meaning {
	m, ok := meanings[code]
	if !ok {
		m = meaning{name: "error"}
	}
	if m.old == 0 {
		m.old = http.StatusOK
	}
	if m.new == 0 {
		m.new = http.StatusBadRequest
	}
	return m
}

// meanings is never written to.
var meanings = map[int]meaning{
	1500: {"internal error", 200, 500}, 1663: {"internal error", 200, 500}, 1668: {"internal error", 200, 500},
	2200: {"internal error", 200, 500}, 5000: {"internal error", 200, 500},

	9499:  {name: "Bad Request"},
	10003: {name: "invalid param"}, 10012: {name: "invalid app_ticket"}, 10013: {name: "invalid tenant_key"},
	10014: {name: "app is not available"}, 10015: {name: "app secret invalid"},
	11232: {"frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]", 200, 429},
	19001: {name: "param invalid: incoming webhook access token invalid"},
	19002: {name: "param invalid"}, 19021: {name: "sign match fail or timestamp is not within one hour from current time"},
	19022: {name: "Ip Not Allowed"}, 19024: {name: "Key Words Not Found"}, 19036: {name: "request body too large"},

	20001: {"A required parameter is missing or malformed.", 400, 400}, 20002: {"The client secret is wrong.", 400, 400},
	20003: {"The authorization code is not found.", 400, 400}, 20004: {"The authorization code has expired.", 400, 400},
	20008: {"The user does not exist.", 400, 400}, 20009: {"The app is not installed in the tenant.", 400, 400},
	20010: {"The user is not in the app's availability range.", 400, 400}, 20013: {name: "The tenant access token is invalid."},
	20014: {"The app access token is invalid.", 200, 200}, 20024: {"The code or token belongs to another client.", 400, 400},
	20026: {"The refresh token is invalid. Note that v2 does not take refresh tokens of v1.", 400, 400},
	20027: {"The app has not enabled one of the scopes.", 400, 400}, 20029: {"The redirect_uri is not registered for the app.", 400, 400},
	20036: {"The grant_type is not supported.", 400, 400}, 20037: {"The refresh token has expired.", 400, 400},
	20038: {"The refresh token is not found.", 200, 200}, 20046: {"The brand of app and user are inconsistent.", 200, 200},
	20048: {"The app does not exist.", 400, 400}, 20049: {"The PKCE verification failed.", 400, 400},
	20050: {"An unexpected server error occurred. Please retry your request.", 500, 500},
	20063: {"The request is malformed.", 400, 400}, 20064: {"The refresh token has been revoked.", 400, 400},
	20065: {"The authorization code has been used.", 400, 400}, 20066: {"The status of the user is abnormal.", 400, 400},
	20067: {"The scope has duplicates.", 400, 400}, 20068: {"The scope has items that were not granted.", 400, 400},
	20069: {"The app is disabled.", 400, 400}, 20070: {"Several ways of authentication were used at once.", 400, 400},
	20071: {"The redirect_uri does not match the one of the authorization.", 400, 400},
	20072: {"The server is temporarily unavailable. Please retry your request.", 503, 503},
	20073: {"The refresh token has been used. It can be used only once.", 400, 400},
	20074: {"The app is not allowed to refresh user access tokens.", 400, 400},

	91402: {"NOTEXIST", 200, 404}, 91403: {"Forbidden", 403, 403}, 91404: {"not logged in", 200, 401},

	131001: {"rpc fail", 400, 400}, 131002: {"param err", 400, 400}, 131004: {"invalid user", 400, 400},
	131005: {"not found", 400, 400}, 131006: {"permission denied", 400, 400}, 131007: {"internal err", 400, 400},

	230001:  {"Your request contains an invalid request parameter.", 400, 400},
	230002:  {"Bot/User can NOT be out of the chat.", 400, 400},
	230006:  {"Bot ability is not activated.", 400, 400},
	230011:  {"The message was recalled.", 400, 400},
	230013:  {"Bot has NO availability to this user.", 400, 400},
	230020:  {"This operation triggers the frequency limit.", 400, 400},
	230025:  {"The length of the message content reaches its limit.", 400, 400},
	230099:  {"Failed to create card content.", 400, 400},
	1061002: {"params error.", 400, 400}, 1061004: {"forbidden.", 403, 403},
	1061043: {"file size beyond limit.", 400, 400}, 1061044: {"parent node not exist.", 400, 400},

	1254000: {"WrongRequestJson", 200, 400}, 1254001: {"WrongRequestBody", 200, 400}, 1254002: {"Fail", 200, 500},
	1254003: {"WrongBaseToken", 200, 400}, 1254004: {"WrongTableId", 200, 400}, 1254005: {"WrongViewId", 200, 400},
	1254006: {"WrongRecordId", 200, 400}, 1254007: {"EmptyValue", 200, 400}, 1254008: {"EmptyView", 200, 400},
	1254009: {"WrongFieldId", 200, 400}, 1254010: {"ReqConvError", 200, 400}, 1254011: {"page size must greater than 0", 400, 400},
	1254012: {"NotSupportFieldOrView", 200, 400}, 1254013: {"TableNameDuplicated", 200, 400},
	1254014: {"FieldNameDuplicated", 200, 400}, 1254015: {"Field types do not match.", 400, 400},
	1254016: {"InvalidSort", 200, 400}, 1254018: {"InvalidFilter", 200, 400}, 1254021: {"ViewNameDuplicated", 200, 400},
	1254022: {"InvalidViewName", 200, 400}, 1254024: {"InvalidFieldNames", 200, 400},
	1254027: {"UploadAttachNotAllowed", 403, 403}, 1254029: {"InvalidFieldName", 200, 400},
	1254030: {"InvalidPageToken", 200, 400}, 1254032: {"InvalidTableName", 200, 400},
	1254036: {"Base is copying, please try again later.", 400, 400}, 1254037: {"Invalid client token, make sure that it complies with the specification.", 400, 400},
	1254040: {"BaseTokenNotFound", 200, 404}, 1254041: {"TableIdNotFound", 200, 404}, 1254042: {"ViewIdNotFound", 200, 404},
	1254043: {"RecordIdNotFound", 200, 404}, 1254044: {"FieldIdNotFound", 200, 404}, 1254045: {"FieldNameNotFound", 200, 404},
	1254060: {"TextFieldConvFail", 200, 500}, 1254061: {"NumberFieldConvFail", 200, 500},
	1254062: {"SingleSelectFieldConvFail", 200, 500}, 1254063: {"MultiSelectFieldConvFail", 200, 500},
	1254064: {"DatetimeFieldConvFail", 200, 500}, 1254065: {"CheckboxFieldConvFail", 200, 500},
	1254066: {"UserFieldConvFail", 200, 500}, 1254067: {"LinkFieldConvFail", 200, 500},
	1254068: {"URLFieldConvFail", 200, 500}, 1254069: {"AttachFieldConvFail", 200, 500},
	1254072: {"Failed to convert phone field, please make sure it is correct.", 200, 400},
	1254074: {"The parameters of Duplex Link field are invalid and need to be filled with an array of string.", 400, 400},
	1254100: {"TableExceedLimit", 200, 400}, 1254101: {"ViewExceedLimit", 200, 400}, 1254102: {"FileExceedLimit", 200, 400},
	1254103: {"RecordExceedLimit", 200, 400}, 1254104: {"RecordAddOnceExceedLimit", 200, 400},
	1254105: {"ColumnExceedLimit", 200, 400}, 1254106: {"AttachExceedLimit", 200, 400},
	1254107: {"FilterLengthExceedLimit", 400, 400}, 1254108: {"SortLengthExceedLimit", 400, 400},
	1254109: {"FormulaTableSizeExceedLimit", 400, 400}, 1254112: {"TooManyRequestInSingleBase", 200, 200},
	1254130: {"TooLargeCell", 200, 400}, 1254290: {"TooManyRequest", 200, 400}, 1254291: {"Write conflict", 200, 400},
	1254301: {"OperationTypeError", 200, 400}, 1254302: {"RolePermNotAllow", 200, 403}, 1254303: {"AttachPermNotAllow", 200, 403},
	1254304: {"Permission denied.", 403, 403}, 1254306: {"The tenant or base owner is subject to plan limits.", 403, 403},
	1254607: {"Data not ready, please try again later", 400, 500}, 1254608: {"Same API requests are submitted repeatedly.", 403, 403},
	1255001: {"InternalError", 200, 500}, 1255002: {"RpcError", 200, 500}, 1255003: {"MarshalError", 200, 500},
	1255004: {"UmMarshalError", 200, 500}, 1255005: {"ConvError", 200, 500},
	1255006: {"Client token conflict, please generate a new client token and try again.", 400, 400},
	1255040: {"Request timed out, please try again later", 504, 504},

	800004509: {name: "webhook trigger workflow is disabled", new: 200},
	800005647: {name: "request body too large", new: 200}, 800005649: {name: "invalid credential", new: 200},
	800005650: {name: "ip not allowed", new: 200},

	99991201: {"404 page not found", 404, 404}, 99991301: {"method not allowed", 405, 405},
	99991400: {"request trigger frequency limit", 400, 429},
	99991401: {name: "denied by app security settings: ip not allowed"},
	99991403: {"This month's API call quota has been exceeded", 429, 429},
	99991406: {"The advanced API package has been used up", 429, 429},
	99991543: {name: "app_id or app_secret is invalid"},
	99991661: {name: "Missing access token for authorization. Please make a request with token attached."},
	99991662: {name: "the app is disabled"},
	99991663: {name: "Invalid access token for authorization. Please make a request with token attached."},
	99991664: {name: "invalid app access token"}, 99991665: {name: "invalid tenant code"},
	99991668: {name: "Invalid access token for authorization. Please make a request with token attached."},
	99991669: {name: "invalid refresh token"},
	99991671: {name: "Invalid access token for authorization, the token should start with 't-' or 'u-'."},
	99991673: {name: "app status not available"}, 99991676: {name: "token has no permission"},
	99991677: {name: "Authentication token expired"},
	99992351: {name: "The request's open_id is not exist"}, 99992361: {name: "open_id cross app"},
	99992402: {name: "field validation failed"},
}
