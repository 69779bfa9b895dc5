package larksim

import "time"

type file struct {
	base, name, kind string
	size             int
}
type accessToken struct {
	app     *app
	user    *User
	expires time.Time
	scopes  []string
}
type loginState struct{ access map[string]*accessToken }
type chatState struct{}
type hookState struct{}

func newLogin() loginState { return loginState{access: map[string]*accessToken{}} }
func newChats() chatState  { return chatState{} }
func newHooks() hookState  { return hookState{} }
