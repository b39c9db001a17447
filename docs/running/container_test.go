package running_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/baton-relay/baton/client"
)

// TestContainer makes what the Dockerfile makes, without an image builder: its
// binary and what it copies, in an empty root, as its user and with its
// environment. A relay in there serves a session, ends well, and has kept
// everything when it is started again. It is started as the pod is, which has
// the settings of the manifests.
func TestContainer(t *testing.T) {
	c := newContainer(t)
	pod := manifests(t)
	port, metrics := freePort(t), freePort(t)
	ports := strings.NewReplacer(":8080", ":"+port, ":9091", ":"+metrics)
	writeFile(t, filepath.Join(c.mkdir(t, "/etc/baton", 0), "baton.toml"), ports.Replace(pod.config.Data["baton.toml"]))
	writeFile(t, filepath.Join(c.mkdir(t, "/etc/baton/secret", 0), "tokens.json"), readFile(t, tokenFile(t, 1)))
	for i, v := range c.env {
		c.env[i] = ports.Replace(v)
	}

	if out, err := c.command("--version").Output(); err != nil || string(out) != "baton "+testVersion+"\n" {
		t.Errorf("--version prints %q, %v; want the VERSION that the build is given", out, err)
	}
	if out, err := c.command("serve").CombinedOutput(); err == nil || !strings.Contains(string(out), "say who may enter") {
		t.Errorf("without a word about who may enter: got %v and\n%s", err, out)
	}
	for i, want := range []string{"", `"round 0"`} {
		relay := run(t, c.command(pod.set.Spec.Template.Spec.Containers[0].Args...))
		relay.awaitReady(t, "127.0.0.1:"+port)
		conn, err := client.Dial(t.Context(), "ws://127.0.0.1:"+port, client.Options{Token: secretToken(0)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		d := enter(t, conn, "contained")
		if want != "" {
			wantOp(t, d, want)
		}
		appendOp(t, d, fmt.Sprintf(`"round %d"`, i))
		if status, body := fetch(t, http.DefaultClient, "http://127.0.0.1:"+metrics+"/metrics"); status != http.StatusOK || !strings.Contains(body, "\nbaton_sessions 1\n") {
			t.Errorf("metrics: got %d, want 200 and the one session", status)
		}
		if code := relay.terminate(t); code != 0 || !strings.Contains(relay.said.String(), "stopped") {
			t.Errorf("the relay ended with exit code %d, want 0:\n%s", code, relay.said)
		}
		conn.Close()
	}
	if out, err := c.command("check").CombinedOutput(); err != nil || string(out) != "/data/oplog.db is whole.\n" {
		t.Errorf("check: got %v and %q", err, out)
	}
}

// container is an empty root with what the Dockerfile puts into it.
type container struct {
	root       string
	user       uint32
	env        []string
	entrypoint []string
}

// newContainer follows the instructions of the Dockerfile's last stage. One that
// it does not know fails the test, which must follow the file.
func newContainer(t *testing.T) *container {
	t.Helper()
	c := &container{root: t.TempDir()}
	if err := os.Chmod(c.root, 0o755); err != nil {
		t.Fatal(err)
	}
	built := map[string]string{ // what the stage before has made
		"/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt",
		"/out/baton":                         batonBinary(t),
		"/out/data":                          "",
	}
	list, err := dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list[1+slices.Index(list, instruction{"FROM", "scratch"}):] {
		switch i.name {
		case "COPY":
			m := regexp.MustCompile(`^--from=build (?:--chown=(\d+):\d+ )?(\S+) (\S+)$`).FindStringSubmatch(i.args)
			if m == nil {
				t.Fatalf("COPY %s: the test must follow the Dockerfile", i.args)
			}
			from, ok := built[m[2]]
			if !ok {
				t.Fatalf("COPY %s: the test does not know what the build makes there", i.args)
			}
			owner, _ := strconv.Atoi(m[1])
			c.copy(t, from, m[3], owner)
		case "USER":
			uid, _, _ := strings.Cut(i.args, ":")
			n, err := strconv.ParseUint(uid, 10, 32)
			if err != nil || n == 0 {
				t.Fatalf("USER %s: want a number that is not root's", i.args)
			}
			c.user = uint32(n)
		case "ENV":
			c.env = append(c.env, strings.Fields(i.args)...)
		case "ENTRYPOINT":
			if err := json.Unmarshal([]byte(i.args), &c.entrypoint); err != nil {
				t.Fatalf("ENTRYPOINT %s: %v", i.args, err)
			}
		case "CMD":
			if i.args != `["serve"]` {
				t.Errorf("CMD %s, want what the test runs", i.args)
			}
		case "VOLUME", "EXPOSE":
			if !strings.Contains(strings.Join(c.env, " "), i.args) {
				t.Errorf("%s %s is not what the environment says: %q", i.name, i.args, c.env)
			}
		default:
			t.Fatalf("%s %s: the test must follow the Dockerfile", i.name, i.args)
		}
	}
	if c.user == 0 || len(c.entrypoint) == 0 {
		t.Fatal("the Dockerfile names no user, or no entrypoint")
	}
	return c
}

// copy puts a file into the root, or makes a folder if there is none to copy.
func (c *container) copy(t *testing.T, from, to string, owner int) {
	t.Helper()
	if from == "" {
		c.mkdir(t, to, owner)
		return
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.mkdir(t, filepath.Dir(to), 0), filepath.Base(to))
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// mkdir makes a folder of the root, and returns where it is outside.
func (c *container) mkdir(t *testing.T, dir string, owner int) string {
	t.Helper()
	path := filepath.Join(c.root, dir)
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if owner == 0 {
		return path
	}
	err := os.Chmod(path, 0o700)
	if os.Getuid() == 0 { // else whoever runs the test is that user inside
		err = errors.Join(err, os.Chown(path, owner, owner))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// command runs what the container runs, in it. Without root it takes a user
// namespace, in which whoever runs the test has the number of the Dockerfile.
func (c *container) command(args ...string) *exec.Cmd {
	args = append(c.entrypoint[1:len(c.entrypoint):len(c.entrypoint)], args...)
	cmd := exec.Command(c.entrypoint[0], args...)
	cmd.Dir, cmd.Env = "/", slices.Clone(c.env)
	attr := &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: c.user, Gid: c.user}}
	if me := os.Getuid(); me != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(c.user), HostID: me, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(c.user), HostID: os.Getgid(), Size: 1}}
		attr.Credential.NoSetGroups = true
	}
	cmd.SysProcAttr = attr
	return cmd
}

// TestDockerfileBuilds holds the stage that builds to the repository: the Go
// that go.mod asks for, and files that are there.
func TestDockerfileBuilds(t *testing.T) {
	list, err := dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	wants := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, root+"/go.mod"))[1]
	if got, want := list[0].args, "golang:"+wants+"-bookworm AS build"; got != want {
		t.Errorf("FROM %s, want %s", got, want)
	}
	for _, i := range list[:slices.Index(list, instruction{"FROM", "scratch"})] {
		if i.name != "COPY" {
			continue
		}
		for _, from := range strings.Fields(i.args)[:len(strings.Fields(i.args))-1] {
			if _, err := os.Stat(filepath.Join(root, from)); err != nil {
				t.Errorf("COPY %s: %v", i.args, err)
			}
		}
	}
	if line, err := buildLine(); err != nil || !strings.HasPrefix(line, "CGO_ENABLED=0 ") {
		t.Errorf("the binary is built by %q, %v; want a static one", line, err)
	}
}

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
	return "", errors.New("the Dockerfile builds nothing")
}
