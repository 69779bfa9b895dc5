package larksim

import (
	"bytes"
	"hash/adler32"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
)

// file is an uploaded attachment.
type file struct {
	base, name, kind string
	size             int
}

// maxUpload is the size of a file that comes in one piece (`lark.md` §3.1).
const maxUpload = 20 << 20

// upload is POST drive/v1/medias/upload_all: a file for cells of one Base.
func upload(c *call) (any, *failure) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, fail(1061002)
	}
	parts := map[string][]byte{}
	for r := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fail(1061002)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return nil, fail(1061002)
		}
		parts[p.FormName()] = b
	}
	data, there := parts["file"]
	size, err := strconv.Atoi(string(parts["size"]))
	parent := string(parts["parent_type"])
	switch {
	case err != nil, !there, size != len(data), len(parts["file_name"]) == 0, parent != "bitable_file" && parent != "bitable_image":
		return nil, fail(1061002)
	case size > maxUpload:
		return nil, fail(1061043)
	case len(parts["checksum"]) > 0 && string(parts["checksum"]) != strconv.FormatUint(uint64(adler32.Checksum(data)), 10):
		return nil, fail(1061002)
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bases[string(parts["parent_node"])]
	switch {
	case b == nil:
		return nil, fail(1061044)
	case b.roles[c.identity()] < CanEdit:
		return nil, fail(1061004)
	}
	token := s.id("box", 24)
	s.files[token] = file{base: b.token, name: string(parts["file_name"]), kind: "application/octet-stream", size: size}
	return map[string]any{"file_token": token}, nil
}
