package intake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"mekong/pipeline"
	"mekong/sources/request"
)

// answer is what a sender is told.
type answer struct {
	status int
	body   []byte
	kind   string        // content type; "": JSON
	wait   time.Duration // Retry-After, when not 0
}

var (
	jsonType = []string{"application/json; charset=utf-8"}
	noSniff  = []string{"nosniff"}
)

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	if h["Content-Type"] = jsonType; a.kind != "" {
		h["Content-Type"] = []string{a.kind}
	}
	h["X-Content-Type-Options"] = noSniff
	if a.wait > 0 {
		seconds := (a.wait + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a sender that is gone is told nothing
}

// stored says that raws are on disk, under the ID of the first.
func stored(raws []pipeline.Raw) []byte {
	if len(raws) == 0 {
		return []byte(`{"ok":true}`)
	}
	id := raws[0].ID
	b := make([]byte, 0, len(id)+24)
	b = append(b, `{"ok":true,"id":`...)
	for i := range len(id) {
		if c := id[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(id)
			if err != nil {
				return []byte(`{"ok":true}`)
			}
			return append(append(b, quoted...), '}')
		}
	}
	b = append(b, '"')
	b = append(b, id...)
	return append(b, `"}`...)
}

// fail answers a refusal.
func fail(r *request.Refusal) answer {
	body, err := json.Marshal(struct {
		OK    bool   `json:"ok"`
		Cause string `json:"cause"`
		Error string `json:"error"`
	}{false, r.Cause, r.Fix})
	if err != nil {
		body = []byte(`{"ok":false}`)
	}
	return answer{status: r.Status, body: body, wait: r.Wait}
}

// Causes of the door's own refusals, beside those of package request.
const (
	causeTooLarge   = "too_large"
	causeEncoded    = "encoded"
	causeTooSlow    = "too_slow"
	causeIncomplete = "incomplete"
	causePanic      = "panic"
)

// The door's own refusals. retry is short: a sender that waits longer is a
// visitor who has left.
const retry = 2 * time.Second

var (
	notFound = &request.Refusal{Status: http.StatusNotFound, Cause: "not_found",
		Fix: "No source has this address: compare the URL with the paths in the configuration."}
	notPost = &request.Refusal{Status: http.StatusMethodNotAllowed, Cause: "method",
		Fix: "This address takes form submissions by POST, and it is up: set it as the API URL of the form and submit the form."}
	notGet = &request.Refusal{Status: http.StatusMethodNotAllowed, Cause: "method",
		Fix: "The health check is a GET."}
	notStored = &request.Refusal{Status: http.StatusServiceUnavailable, Cause: "not_stored", Wait: retry,
		Fix: "This could not be stored just now: send it again, it will be stored once."}
	busy = &request.Refusal{Status: http.StatusServiceUnavailable, Cause: "busy", Wait: retry,
		Fix: "Too much is being stored at once: send it again in a moment."}
	closing = &request.Refusal{Status: http.StatusServiceUnavailable, Cause: "closing", Wait: retry,
		Fix: "This process is stopping: send it again in a moment."}
	encoded = &request.Refusal{Status: http.StatusUnsupportedMediaType, Cause: causeEncoded,
		Fix: "Send the body as it is, without Content-Encoding."}
	tooSlow = &request.Refusal{Status: http.StatusRequestTimeout, Cause: causeTooSlow,
		Fix: "The body did not arrive in time: send it again."}
	incomplete = &request.Refusal{Status: http.StatusBadRequest, Cause: causeIncomplete,
		Fix: "The body broke off before its end: send it again."}
)

func tooLarge(most int64) *request.Refusal {
	return &request.Refusal{Status: http.StatusRequestEntityTooLarge, Cause: causeTooLarge,
		Fix: fmt.Sprintf("The body is larger than %d bytes: send less, or raise the source's max_body setting.", most)}
}
