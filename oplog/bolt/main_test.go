package bolt

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// childEnv makes the test binary play a part in another test: as a process of
// its own, with the arguments of its command line.
const childEnv = "BATON_BOLT_TEST_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := children[role](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

var children = map[string]func(args []string) error{
	"hold":     holdChild,
	"fulldisk": fullDiskChild,
	"append":   appendChild,
	"backup":   backupChild,
	"restore":  restoreChild,
	"prune":    pruneChild,
}

// child returns a command that plays a role, under the command line in under if
// that is not empty.
func child(t *testing.T, under []string, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line := append(append(under, self), args...)
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	// The race detector would have each child wait a second before it ends.
	cmd.Env = append(os.Environ(), childEnv+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// holdChild opens a log, says so, and holds it until its input ends.
func holdChild(args []string) error {
	l, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return l.Close()
}

// line reads one line of a child's output.
func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("read from the child: %v", err)
	}
	return s
}

// needStrace returns the path of strace, which these tests cannot do without.
func needStrace(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("this test records and fails system calls and needs strace: apt-get install strace (make test does)")
	}
	return path
}
