package sheetsim

// bucket is one minute's count: of a user in a project, or of the whole project.
type bucket struct{ project, user, kind string }

// charge takes one call from the minute's quotas. The caller holds the lock.
func (s *Sim) charge(c *call) *failure {
	if s.opts.NoQuotas {
		return nil
	}
	if now := s.now().Unix() / 60; now != s.minute {
		clear(s.spent)
		s.minute = now
	}
	q := s.opts.Quotas
	kind, perUser, perProject := "read", q.ReadsPerUser, q.ReadsPerProject
	if c.route.write {
		kind, perUser, perProject = "write", q.WritesPerUser, q.WritesPerProject
	}
	user := bucket{c.who.project, c.who.email, kind}
	whole := bucket{c.who.project, "", kind}
	switch {
	case s.spent[user] >= perUser:
		s.record.refused++
		return tooMany(c.who.project, kind, " per user", perUser, false)
	case s.spent[whole] >= perProject:
		s.record.refused++
		return tooMany(c.who.project, kind, "", perProject, false)
	}
	s.spent[user]++
	s.spent[whole]++
	return nil
}

// Left is what an account has left of its own quota in this minute.
func (s *Sim) Left(project, email string) (reads, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Unix()/60 != s.minute {
		return s.opts.Quotas.ReadsPerUser, s.opts.Quotas.WritesPerUser
	}
	return s.opts.Quotas.ReadsPerUser - s.spent[bucket{project, email, "read"}], s.opts.Quotas.WritesPerUser - s.spent[bucket{project, email, "write"}]
}
