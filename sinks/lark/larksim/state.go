package larksim

type file struct {
	base, name, kind string
	size             int
}
type chatState struct{}
type hookState struct{}

func newChats() chatState { return chatState{} }
func newHooks() hookState { return hookState{} }
