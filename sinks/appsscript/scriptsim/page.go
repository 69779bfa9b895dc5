package scriptsim

import (
	"html/template"
	"net/http"
)

// shownRows is how many of a sheet's rows its page shows, the newest.
const shownRows = 200

var sheetPage = template.Must(template.New("sheet").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>{{.Title}}</title>
<style>body{font:13px Arial,sans-serif;margin:0;color:#202124}h1{font-size:18px;font-weight:400;margin:12px 16px}
table{border-collapse:collapse}td,th{border:1px solid #e2e3e3;padding:3px 6px;max-width:280px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
th{background:#f8f9fa;font-weight:400;color:#5f6368;text-align:center}tr.head td{font-weight:700;position:sticky;top:0;background:#fff}td.n{text-align:right}</style></head>
<body><h1>{{.Title}} – {{.Tab}}</h1><table><tr><th></th>{{range .Letters}}<th>{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr{{if eq .N 1}} class="head"{{end}}><th>{{.N}}</th>{{range .Cells}}<td{{if .Number}} class="n"{{end}}>{{.Text}}</td>{{end}}</tr>
{{end}}</table></body></html>`))

type pageCell struct {
	Text   string
	Number bool
}

type pageRow struct {
	N     int
	Cells []pageCell
}

// page shows the first tab as a sheet, without its hidden columns.
func (s *Server) page(w http.ResponseWriter) {
	m, ok := s.script.(*Model)
	if !ok {
		htmlPage(w, http.StatusNotFound, "Page Not Found")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = sheetPage.Execute(w, m.view()) // who has gone does not mind
}

type pageView struct {
	Title, Tab string
	Letters    []string
	Rows       []pageRow
}

func (m *Model) view() pageView {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tabs[0]
	rows, columns := t.Used()
	hidden := map[int]bool{}
	for _, c := range t.HiddenColumns {
		hidden[c-1] = true
	}
	v := pageView{Title: m.o.Title, Tab: t.Name}
	for j := range columns {
		if !hidden[j] {
			v.Letters = append(v.Letters, letters(j))
		}
	}
	for i := range rows {
		if i > 0 && i < rows-shownRows {
			continue
		}
		row := pageRow{N: i + 1}
		for j := range columns {
			if hidden[j] {
				continue
			}
			c := t.at(i, j)
			cell := pageCell{Text: plain(c.Value)}
			if n, isNumber := c.Value.(float64); isNumber {
				cell.Number = true
				if IsDate(c.Format) {
					cell.Text = Instant(n, m.o.Zone).In(m.o.Zone).Format("2006-01-02 15:04:05")
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// letters is a column's name: A, B, …, Z, AA.
func letters(column int) string {
	name := ""
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}
