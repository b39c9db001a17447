package client

// signal wakes all who wait for the next change of something. Guarded by the
// lock of what changes. The zero value is ready.
type signal struct{ ch chan struct{} }

// next returns a channel that the next fire closes.
func (s *signal) next() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
