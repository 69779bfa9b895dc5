package sheetsim

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// Keys are RSA keys that several simulators may share, because making one takes
// a tenth of a second: the first account of each has the first key, and so on. The
// zero value is ready, and safe for any number of simulators at once.
type Keys struct {
	mu   sync.Mutex
	list []*rsa.PrivateKey
}

// key is the n-th key, made when it is first wanted.
func (k *Keys) key(n int) *rsa.PrivateKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.list) <= n {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic("sheetsim: no key: " + err.Error())
		}
		k.list = append(k.list, key)
	}
	return k.list[n]
}
