package running_test

import (
	"fmt"
	"os"
	"strings"
)

// instruction is one of a Dockerfile.
type instruction struct{ name, args string }

// dockerfile returns its instructions.
func dockerfile() (list []instruction, err error) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("read Dockerfile: %q is no instruction", line)
		}
		list = append(list, instruction{name, strings.TrimSpace(args)})
	}
	return list, nil
}

// buildLine returns what the Dockerfile builds the binary by.
func buildLine() (string, error) {
	list, err := dockerfile()
	if err != nil {
		return "", err
	}
	for _, i := range list {
		if i.name == "RUN" && strings.Contains(i.args, "go build") {
			return i.args, nil
		}
	}
	return "", fmt.Errorf("the Dockerfile builds nothing")
}
