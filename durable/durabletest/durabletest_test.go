package durabletest

import (
	"slices"
	"strings"
	"testing"
)

func TestUnsynced(t *testing.T) {
	const trace = `
7 mkdirat(AT_FDCWD</>, "/t/made", 0700) = 0
7 mkdirat(AT_FDCWD</>, "/t/lost", 0700) = 0
7 mkdirat(AT_FDCWD</>, "/t/there", 0700) = -1 EEXIST (File exists)
7 openat(AT_FDCWD</>, "/t/made/a.new", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3</t/made/a.new>
8 openat(AT_FDCWD</>, "/t/made/read", O_RDONLY|O_CLOEXEC) = 4</t/made/read>
7 renameat(AT_FDCWD</>, "/t/made/a.new", AT_FDCWD</>, "/t/made/a" <unfinished ...>
8 openat(AT_FDCWD</>, "/t/made/b", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5</t/made/b>
7 <... renameat resumed>) = 0
7 fsync(9</t/made>) = 0
7 openat(AT_FDCWD</>, "/t/made/b", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5</t/made/b>
7 linkat(AT_FDCWD</>, "/t/made/b", AT_FDCWD</>, "/t/made/linked", 0) = 0
7 openat(AT_FDCWD</>, "/t/made/gone", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5</t/made/gone>
7 unlinkat(AT_FDCWD</>, "/t/made/gone", 0) = 0
7 openat(AT_FDCWD</>, "/elsewhere", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5</elsewhere>
`
	got, err := unsynced(strings.NewReader(trace), "/t")
	if want := []string{"/t/lost", "/t/made", "/t/made/linked"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
