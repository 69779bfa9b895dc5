package webhook

import (
	"errors"
	"net/url"

	"mekong/config"
)

// address reads an address. Its error does not repeat it.
func address(text config.Secret) (*url.URL, error) {
	u, err := url.Parse(text.Reveal())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("not an address to post to; write https:// and the rest, as the receiver gives it")
	}
	return u, nil
}
