package main

import (
	"net"
	"net/url"
	"strings"
)

// The kinds of link that init takes.
const (
	linkSheets = "sheets"
	linkScript = "appsscript"
	linkLark   = "lark"
)

// kindOfLink tells by its address what a link leads to; "": to nothing that rows can be
// written to. What is behind it is looked at later. A simulator's links have the same
// paths, on this machine; endpoint is then where it is.
func kindOfLink(link string) (kind, endpoint string) {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", ""
	}
	host := strings.ToLower(u.Hostname())
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" {
		endpoint = u.Scheme + "://" + u.Host
	}
	here := endpoint != ""
	under := func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }
	switch {
	case strings.HasPrefix(u.Path, "/spreadsheets/") && (here || host == "docs.google.com"):
		return linkSheets, endpoint
	case strings.Contains(u.Path, "/macros/") && (here || host == "script.google.com"):
		return linkScript, endpoint
	case (strings.HasPrefix(u.Path, "/base/") || strings.HasPrefix(u.Path, "/wiki/")) && (here || under("larksuite.com") || under("feishu.cn")):
		return linkLark, endpoint
	}
	return "", ""
}
