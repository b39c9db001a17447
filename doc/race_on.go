//go:build race

package doc

// raceDetector says that the race detector is on, which maps more address space
// than any sensible limit.
const raceDetector = true
