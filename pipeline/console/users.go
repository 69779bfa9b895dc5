package console

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Role is what somebody may do.
type Role int

// The roles. A viewer sees everything, people's names, phones and e-mails masked,
// and changes nothing; an operator sees them, and may act.
const (
	Viewer Role = iota
	Operator
)

func (r Role) String() string {
	if r == Operator {
		return "operator"
	}
	return "viewer"
}

// User may sign in with a password.
type User struct {
	Name     string
	Password string
	Role     Role
}

// linkName is who is signed in by the link.
const linkName = "link"

// users keeps hashes, so that comparing takes the same time whatever was typed.
// The hash is a plain one: passwords stand in the configuration as they are, so a
// slow one would protect nothing that is stored.
type users struct {
	list []known
	link *known
}

type known struct {
	User
	name, secret [32]byte
}

func newUsers(list []User, token string) (u users) {
	for _, one := range list {
		if one.Name != "" && one.Password != "" {
			u.list = append(u.list, remember(one))
		}
	}
	if token != "" {
		link := remember(User{Name: linkName, Password: token, Role: Operator})
		u.link = &link
	}
	return u
}

func remember(u User) known {
	k := known{User: u, name: sha256.Sum256([]byte(u.Name)), secret: sha256.Sum256([]byte(u.Password))}
	k.Password = ""
	return k
}

func (u users) none() bool { return len(u.list) == 0 && u.link == nil }

// byPassword finds who signs in. It compares with everybody, so the time it takes
// does not tell which names there are.
func (u users) byPassword(name, password string) (User, bool) {
	n, p := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password))
	found := -1
	for i := range u.list {
		same := subtle.ConstantTimeCompare(n[:], u.list[i].name[:]) & subtle.ConstantTimeCompare(p[:], u.list[i].secret[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return User{}, false
	}
	return u.list[found].User, true
}

// byToken is the same for the link.
func (u users) byToken(token string) (User, bool) {
	t := sha256.Sum256([]byte(token))
	if u.link == nil || subtle.ConstantTimeCompare(t[:], u.link.secret[:]) != 1 {
		return User{}, false
	}
	return u.link.User, true
}
