package larksim

// WikiNode is a page of a wiki, which stands for a document (`lark.md` §4).
type WikiNode struct {
	Token    string // node_token, as in the wiki link
	Space    string // space_id; "": made up
	ObjType  string // "bitable", "docx", "sheet", …
	ObjToken string // of the document: the app_token of a Base
	Title    string
	For      []string // apps and users that may read the node; none: whoever may read the Base, or anybody
}

// AddWikiNode adds a page.
func (s *Sim) AddWikiNode(n WikiNode) {
	s.set(func() {
		if n.Space == "" {
			n.Space = "7034502641455497244"
		}
		s.nodes[n.Token] = &n
	})
}

// getNode is GET wiki/v2/spaces/get_node. A document's own token is accepted with
// its obj_type; a token without one is a node's.
func getNode(c *call) (any, *failure) {
	token, kind := c.query.Get("token"), c.query.Get("obj_type")
	if token == "" {
		return nil, fail(131002)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	n := c.s.nodes[token]
	if kind != "" && kind != "wiki" {
		n = nil
		for _, o := range c.s.nodes {
			if o.ObjToken == token && o.ObjType == kind {
				n = o
			}
		}
	}
	if n == nil {
		return nil, fail(131005)
	}
	if !c.mayRead(n) {
		return nil, fail(131006)
	}
	now := c.s.now().Unix()
	return map[string]any{"node": map[string]any{
		"space_id": n.Space, "node_token": n.Token, "obj_token": n.ObjToken, "obj_type": n.ObjType, "node_type": "origin",
		"parent_node_token": "", "origin_node_token": n.Token, "origin_space_id": n.Space, "has_child": false, "title": n.Title,
		"obj_create_time": stamp(now), "obj_edit_time": stamp(now), "node_create_time": stamp(now), "creator": "ou_owner", "owner": "ou_owner",
	}}, nil
}

func (c *call) mayRead(n *WikiNode) bool {
	who := c.identity()
	if len(n.For) > 0 {
		for _, id := range n.For {
			if id == who {
				return true
			}
		}
		return false
	}
	if b := c.s.bases[n.ObjToken]; b != nil {
		return b.roles[who] >= CanView
	}
	return true
}
