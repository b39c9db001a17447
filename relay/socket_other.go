//go:build !unix

package relay

// readSocket reads nothing: an idle session waits in its library's read.
func readSocket(uintptr, []byte) (int, error) { return 0, nil }

func wouldBlock(error) bool { return false }
