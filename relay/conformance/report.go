package conformance

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Status is what is known of a rule after a run.
type Status string

// A rule holds (pass), does not (fail), was not reached because its dialogue
// failed before (blocked), was not tried for want of tokens (skip), or is shown by
// a test that is not a dialogue (elsewhere).
const (
	Pass      Status = "pass"
	Fail      Status = "FAIL"
	Blocked   Status = "BLOCKED"
	Skip      Status = "skip"
	Elsewhere Status = "elsewhere"
)

// Verdict is the result of one rule.
type Verdict struct {
	Rule   string
	Status Status
	// Shown is how many claims of dialogues showed the rule.
	Shown int
	// Notes say where and why, for every status but pass.
	Notes []string
}

// outcome is how one claim of a dialogue went.
type outcome struct {
	rules  []string
	status Status
	note   string
}

// severity orders what several outcomes of one rule add up to.
var severity = []Status{Elsewhere, Skip, Pass, Blocked, Fail}

// verdicts adds outcomes up by rule.
func verdicts(claims [][]outcome, elsewhere map[string]string) []Verdict {
	byRule := map[string]*Verdict{}
	note := func(rule string, s Status, text string) {
		v := byRule[rule]
		if v == nil {
			v = &Verdict{Rule: rule, Status: s}
			byRule[rule] = v
		}
		if slices.Index(severity, s) > slices.Index(severity, v.Status) {
			v.Status, v.Notes = s, nil
		}
		if s == Pass {
			v.Shown++
		}
		if s == v.Status && s != Pass {
			v.Notes = append(v.Notes, text)
		}
	}
	for _, dialogue := range claims {
		for _, o := range dialogue {
			for _, rule := range o.rules {
				note(rule, o.status, o.note)
			}
		}
	}
	for rule, where := range elsewhere {
		note(rule, Elsewhere, where)
	}
	return slices.SortedFunc(func(yield func(Verdict) bool) {
		for v := range maps.Values(byRule) {
			if !yield(*v) {
				return
			}
		}
	}, func(a, b Verdict) int { return cmp.Compare(number(a.Rule), number(b.Rule)) })
}

// number returns n of the rule Rn.
func number(rule string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(rule, "R"))
	return n
}

// Main runs the kit and writes one line a rule, and a sum, to w. It returns how
// many rules did not hold.
func Main(ctx context.Context, cfg Config, w io.Writer) (failed int, err error) {
	sum := map[Status]int{}
	err = Run(ctx, cfg, func(v Verdict) {
		sum[v.Status]++
		write(w, v)
	})
	if err != nil {
		return 0, err
	}
	failed = sum[Fail] + sum[Blocked]
	_, err = fmt.Fprintf(w, "%d rules hold, %d do not, %d skipped for want of tokens, %d shown elsewhere\n",
		sum[Pass], failed, sum[Skip], sum[Elsewhere])
	return failed, err
}

func write(w io.Writer, v Verdict) {
	if v.Status == Pass {
		fmt.Fprintf(w, "%-9s %s\n", v.Status, v.Rule)
		return
	}
	for _, n := range slices.Compact(slices.Clone(v.Notes)) {
		fmt.Fprintf(w, "%-9s %-5s %s\n", v.Status, v.Rule, strings.ReplaceAll(n, "\n", "\n                "))
	}
}
