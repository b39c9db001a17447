package webhook

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails where goroutines of the tests are left when all have passed.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Printf("goroutines are left:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines returns the stacks of goroutines that run code of ours and do
// not end within some seconds.
func leftGoroutines() string {
	buf := make([]byte, 4<<20)
	for began := time.Now(); ; <-time.After(20 * time.Millisecond) {
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "baton-relay/baton") && !strings.Contains(stack, "webhook.TestMain(") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Since(began) > 5*time.Second {
			return strings.Join(left, "\n\n")
		}
	}
}
