//go:build !cgo || !(linux || darwin) || !(amd64 || arm64)

package doc

const available = false

// Child returns at once: without Automerge there are no children.
func Child() {}
