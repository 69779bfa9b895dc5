package console

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// pages are the templates, in each language.
type pages struct {
	zone    *time.Location
	now     func() time.Time
	sayings *sayings
	by      map[string]map[string]*template.Template // language, page
}

func newPages(zone *time.Location, now func() time.Time) (*pages, error) {
	known, err := loadSayings()
	if err != nil {
		return nil, err
	}
	p := &pages{zone: zone, now: now, sayings: known, by: map[string]map[string]*template.Template{}}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, code := range languages {
		l := p.in(code)
		base, err := template.New("").Funcs(l.funcs()).ParseFS(templateFiles, "templates/layout.html")
		if err != nil {
			return nil, err
		}
		p.by[code] = map[string]*template.Template{}
		for _, file := range names {
			page := strings.TrimSuffix(path.Base(file), ".html")
			if page == "layout" {
				continue
			}
			t, err := base.Clone()
			if err != nil {
				return nil, err
			}
			if t, err = t.ParseFS(templateFiles, file); err != nil {
				return nil, err
			}
			p.by[code][page] = t
		}
	}
	return p, nil
}

// frame is what every page stands in.
type frame struct {
	Lang, Page, Path string
	User, CSRF       string
	Operator         bool
	Tabs             []string
	Refresh          int // seconds, for browsers without JavaScript; 0: never
	Data             any
}

// refreshing is data that wants its page to be loaded again by itself.
type refreshing interface{ refresh() int }

// show makes a page. It is made whole before any of it is sent, so that nobody sees
// half of one.
func (c *Console) show(w http.ResponseWriter, r *http.Request, v visitor, status int, page string, data any) {
	f := frame{Lang: v.tongue.code, Page: page, Path: within(r.URL.RequestURI()), Data: data}
	if page == "login" {
		f.Path = "/login" // never with the token of a link
	}
	if v.csrf != "" {
		f.User, f.CSRF, f.Operator, f.Tabs = v.user, v.csrf, v.role >= Operator, c.tabs(v.role)
	}
	if d, ok := data.(refreshing); ok {
		f.Refresh = d.refresh()
	}
	var b bytes.Buffer
	if err := c.pages.by[v.tongue.code][page].ExecuteTemplate(&b, "layout", f); err != nil {
		c.log.Error("a page of the console cannot be made", "page", page, "error", err)
		http.Error(w, "this page cannot be shown; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Cookie, Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// fault is a page that says what went wrong, by the key of the words for it.
func (c *Console) fault(w http.ResponseWriter, r *http.Request, v visitor, status int, key string) {
	c.show(w, r, v, status, "fault", key)
}

func (c *Console) nowhere(w http.ResponseWriter, r *http.Request, v visitor) {
	c.fault(w, r, v, http.StatusNotFound, "fault.nowhere")
}

// assetVersion changes with the files, so that browsers may keep them for ever.
var assetVersion = func() string {
	h := fnv.New64a()
	_ = fs.WalkDir(assetFiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := assetFiles.ReadFile(name)
		_, _ = h.Write(text)
		return err
	})
	return fmt.Sprintf("%x", h.Sum64())
}()

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	text, err := assetFiles.ReadFile("assets/" + name)
	kind, known := assetTypes[path.Ext(name)]
	if err != nil || !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	if r.URL.Query().Get("v") == assetVersion {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(text)
}
