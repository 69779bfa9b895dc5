package sheetsim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// failure is an answer that is not 2xx, in the words of `sinks.md` §A3.
type failure struct {
	code    int
	status  string // google.rpc.Code
	reason  string // errors[].reason, the older format
	message string
	details []any
	header  map[string]string
	style   *ErrorStyle // nil: the simulator's
}

// ErrorStyle is the shape of an error body. Google's clients meet all of them.
type ErrorStyle struct {
	Plain bool // without errors[], as curl sees it
	Array bool // wrapped in an array of one
}

func (f *failure) Error() string { return f.message }

// at puts the place of a request before the message, as batchUpdate does.
func (f *failure) at(place string) *failure {
	if f == nil || f.status != "INVALID_ARGUMENT" {
		return f
	}
	g := *f
	g.message = "Invalid " + place + ": " + f.message
	return &g
}

func invalid(format string, args ...any) *failure {
	return &failure{code: 400, status: "INVALID_ARGUMENT", reason: "badRequest", message: fmt.Sprintf(format, args...)}
}

// notSimulated says clearly that Google would do more than this simulator does.
func notSimulated(what string) *failure {
	return &failure{code: 501, status: "UNIMPLEMENTED", reason: "notImplemented", message: "sheetsim does not simulate " + what}
}

func forbidden() *failure {
	return &failure{code: 403, status: "PERMISSION_DENIED", reason: "forbidden", message: "The caller does not have permission"}
}

func notFound() *failure {
	return &failure{code: 404, status: "NOT_FOUND", reason: "notFound", message: "Requested entity was not found."}
}

func unavailable() *failure {
	return &failure{code: 503, status: "UNAVAILABLE", reason: "backendError", message: "The service is currently unavailable."}
}

func internal() *failure {
	return &failure{code: 500, status: "INTERNAL", reason: "backendError", message: "Internal error encountered."}
}

func deadline() *failure {
	return &failure{code: 504, status: "DEADLINE_EXCEEDED", reason: "backendError", message: "Deadline expired before operation could complete."}
}

func unauthenticated() *failure {
	return &failure{code: 401, status: "UNAUTHENTICATED", reason: "authError",
		message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		header:  map[string]string{"WWW-Authenticate": `Bearer realm="https://accounts.google.com/", error="invalid_token"`},
		details: []any{errorInfo{Type: errorInfoType, Reason: "ACCESS_TOKEN_INVALID", Domain: "googleapis.com",
			Metadata: map[string]string{"service": "sheets.googleapis.com"}}}}
}

func scopeTooSmall(m Method) *failure {
	return &failure{code: 403, status: "PERMISSION_DENIED", reason: "insufficientPermissions",
		message: "Request had insufficient authentication scopes.",
		details: []any{errorInfo{Type: errorInfoType, Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Domain: "googleapis.com",
			Metadata: map[string]string{"service": "sheets.googleapis.com", "method": m.rpc()}}},
		header: map[string]string{"WWW-Authenticate": `Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="https://www.googleapis.com/auth/drive https://www.googleapis.com/auth/drive.file https://www.googleapis.com/auth/spreadsheets"`}}
}

func apiDisabled(project string) *failure {
	link := "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=" + project
	return &failure{code: 403, status: "PERMISSION_DENIED", reason: "accessNotConfigured",
		message: "Google Sheets API has not been used in project " + project + " before or it is disabled. Enable it by visiting " + link +
			" then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		details: []any{errorInfo{Type: errorInfoType, Reason: "SERVICE_DISABLED", Domain: "googleapis.com",
			Metadata: map[string]string{"service": "sheets.googleapis.com", "serviceTitle": "Google Sheets API", "consumer": "projects/" + project, "containerInfo": project, "activationUrl": link}}}}
}

func officeFile() *failure {
	return &failure{code: 400, status: "FAILED_PRECONDITION", reason: "failedPrecondition",
		message: "This operation is not supported for this document. The document must not be an Office file."}
}

func tooMany(project, kind, per string, limit int, legacy bool) *failure {
	group, metric, scope := "Read", "read_requests", "Project"
	if kind == "write" {
		group, metric = "Write", "write_requests"
	}
	message := fmt.Sprintf("Quota exceeded for quota metric '%s requests' and limit '%s requests per minute%s' of service 'sheets.googleapis.com' for consumer 'project_number:%s'.", group, group, per, project)
	quota := group + "RequestsPerMinutePerProject"
	if per != "" {
		scope = "User"
		quota = group + "RequestsPerMinutePerUser"
	}
	if legacy {
		message = fmt.Sprintf("Insufficient tokens for quota '%sGroup' and limit '%s-100s' of service 'sheets.googleapis.com' for consumer 'project_number:%s'.", group, map[string]string{"User": "USER", "Project": "CLIENT_PROJECT"}[scope], project)
	}
	return &failure{code: 429, status: "RESOURCE_EXHAUSTED", reason: "rateLimitExceeded", message: message,
		details: []any{errorInfo{Type: errorInfoType, Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com",
			Metadata: map[string]string{"service": "sheets.googleapis.com", "quota_metric": "sheets.googleapis.com/" + metric,
				"quota_location": "global", "quota_limit": quota, "quota_limit_value": fmt.Sprint(limit), "consumer": "projects/" + project}}}}
}

const errorInfoType = "type.googleapis.com/google.rpc.ErrorInfo"

type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata"`
}

type errorBody struct {
	Error errorContent `json:"error"`
}

type errorContent struct {
	Code    int          `json:"code"`
	Message string       `json:"message"`
	Errors  []errorEntry `json:"errors,omitempty"`
	Status  string       `json:"status"`
	Details []any        `json:"details,omitempty"`
}

type errorEntry struct {
	Message string `json:"message"`
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
}

// reply is the failure as it goes over the wire.
func (f *failure) reply(style ErrorStyle) reply {
	if f.style != nil {
		style = *f.style
	}
	content := errorContent{Code: f.code, Message: f.message, Status: f.status, Details: f.details}
	if !style.Plain {
		content.Errors = []errorEntry{{Message: f.message, Domain: "global", Reason: f.reason}}
	}
	var v any = errorBody{content}
	if style.Array {
		v = []any{v}
	}
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("sheetsim: an error that cannot be written: " + err.Error())
	}
	return reply{status: f.code, kind: "application/json; charset=UTF-8", header: f.header, body: append(body, '\n')}
}

// reply is an answer before it is sent.
type reply struct {
	status int
	kind   string
	header map[string]string
	body   []byte
	claim  int  // Content-Length to announce, when the body is cut short of it
	drop   bool // close the connection instead
	hang   bool // answer nothing until the caller goes away
}

func (p reply) failed() bool { return p.status >= http.StatusBadRequest || p.drop || p.hang }
