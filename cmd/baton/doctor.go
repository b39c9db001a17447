package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

type doctorCmd struct {
	Settings

	JSON bool `name:"json" env:"-" help:"Print the findings as a list in JSON."`
}

// finding is what a check came to.
type finding struct {
	Check string `json:"check"`
	State state  `json:"state"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"` // what to do, unless all is well
}

type state string

const (
	stateOK   state = "ok"
	stateWarn state = "warn"
	stateFail state = "fail"
)

func (f finding) String() string {
	s := fmt.Sprintf("%-4s %s: %s", f.State, f.Check, f.Says)
	if f.Do != "" {
		s += " → " + f.Do
	}
	return s
}

// examination is what checks look at.
type examination struct {
	*Settings
	all   []setting
	wrong error // what serve would not take
	http  *http.Client
	skew  time.Duration // how far clocks may be apart
}

// checks are all of them, each with what it is called.
var checks = []struct {
	name string
	run  func(context.Context, *examination) []finding
}{
	{"settings", checkSettings},
	{"data folder", checkFolder},
	{"log", checkLog},
	{"disk speed", checkSyncs},
	{"addresses", checkAddresses},
	{"files", checkFiles},
	{"access", checkAccess},
	{"certificate", checkCertificate},
	{"URLs", checkURLs},
	{"open files", checkFileLimit},
	{"backlog", checkBacklog},
	{"clock", checkClock},
	{"processors and memory", checkMachine},
}

// Run checks everything and ends with an error if something must be done.
func (c *doctorCmd) Run(ctx *kong.Context) error {
	until, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	x := &examination{
		Settings: &c.Settings,
		all:      c.inForce(ctx),
		wrong:    c.checkFrom(ctx),
		// Whether a certificate is good is asked of its file; here it is of interest who answers.
		http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
		skew: 30 * time.Second,
	}
	began := time.Now()
	all := []finding{}
	failed := 0
	add := func(name string, found []finding) {
		for _, f := range found {
			f.Check = name
			if f.State == stateFail {
				failed++
			}
			if !c.JSON {
				fmt.Println(f)
			}
			all = append(all, f)
		}
	}
	for _, check := range checks {
		add(check.name, check.run(until, x))
		if until.Err() != nil {
			return errors.New("interrupted")
		}
	}
	add("clock", checkSteady(began, time.Now()))
	if c.JSON {
		if err := writeJSON(os.Stdout, all); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("to be mended before a relay runs here: %d of %d", failed, len(all))
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func good(format string, args ...any) []finding {
	return []finding{{State: stateOK, Says: fmt.Sprintf(format, args...)}}
}

func bad(s state, do, format string, args ...any) []finding {
	return []finding{{State: s, Says: fmt.Sprintf(format, args...), Do: do}}
}

func checkSettings(_ context.Context, x *examination) []finding {
	if err := x.wrong; err != nil {
		return bad(stateFail, "change that; baton config says where each setting comes from", "%v", err)
	}
	var by []string
	if x.Config != "" {
		by = append(by, "the file "+x.Config)
	}
	n := 0
	for _, s := range x.all {
		if strings.HasPrefix(s.source, "BATON_") {
			n++
		}
	}
	if n > 0 {
		by = append(by, fmt.Sprintf("the environment (%d)", n))
	}
	if len(by) == 0 {
		return good("serve takes them")
	}
	return good("serve takes them, also by %s", strings.Join(by, " and "))
}

// bytesOf writes a size for people.
func bytesOf(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
