package larksim

import "strings"

// User is a person of the tenant.
type User struct {
	OpenID  string // as every app of the simulator sees it
	UnionID string
	UserID  string
	Name    string
	Email   string
	Mobile  string
	Frozen  bool // 20066
	Foreign bool // the open id is of another app: 1254066 on write
}

// AddUser adds a person. The first one is who approves automatically.
func (s *Sim) AddUser(u User) { s.set(func() { s.users = append(s.users, &u) }) }

// user finds a person by an id of the kind that user_id_type names.
func (s *Sim) user(id, kind string) *User {
	for _, u := range s.users {
		if id != "" && id == u.id(kind) {
			return u
		}
	}
	return nil
}

func (u *User) id(kind string) string {
	switch kind {
	case "union_id":
		return u.UnionID
	case "user_id":
		return u.UserID
	case "email":
		return u.Email
	default:
		return u.OpenID
	}
}

// idKind is the user_id_type of a call. "user_id" needs one more scope (`lark.md` §5.1).
func (c *call) idKind() (string, *failure) {
	switch k := c.query.Get("user_id_type"); k {
	case "":
		return "open_id", nil
	case "open_id", "union_id":
		return k, nil
	case "user_id":
		return k, c.scoped([]string{"contact:user.employee_id:readonly"})
	default:
		return "", violation("user_id_type", "must be one of open_id, union_id, user_id")
	}
}

// userIDs is POST contact/v3/users/batch_get_id: people by address or number. A
// person who is not there comes back without an id. (From the shape of the
// official SDK's contact/v3; the reference file does not describe this endpoint.)
func userIDs(c *call) (any, *failure) {
	var in struct {
		Emails  []string `json:"emails"`
		Mobiles []string `json:"mobiles"`
	}
	if c.decode(&in) != nil || len(in.Emails) > 50 || len(in.Mobiles) > 50 {
		return nil, violation("emails", "at most 50 of each")
	}
	kind, f := c.idKind()
	if f != nil {
		return nil, f
	}
	type found struct {
		ID     string `json:"user_id,omitempty"`
		Email  string `json:"email,omitempty"`
		Mobile string `json:"mobile,omitempty"`
	}
	list := []found{}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	look := func(out found, is func(*User) bool) {
		for _, u := range c.s.users {
			if is(u) && c.app.reaches(u) {
				out.ID = u.id(kind)
			}
		}
		list = append(list, out)
	}
	for _, e := range in.Emails {
		look(found{Email: e}, func(u *User) bool { return strings.EqualFold(u.Email, e) })
	}
	for _, m := range in.Mobiles {
		look(found{Mobile: m}, func(u *User) bool { return u.Mobile == m })
	}
	return map[string]any{"user_list": list}, nil
}

// reaches says whether a person is in the app's availability range.
func (a *app) reaches(u *User) bool {
	if len(a.OnlyFor) == 0 {
		return true
	}
	for _, id := range a.OnlyFor {
		if id == u.OpenID {
			return true
		}
	}
	return false
}
