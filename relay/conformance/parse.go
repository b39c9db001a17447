package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	peerLine = regexp.MustCompile(`^([A-Z])([ <>!~].*)$`)
	httpLine = regexp.MustCompile(`^(GET|PUT|POST|DELETE|OPTIONS) (\S+)(.*)$`)
	field    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*):(\S*)$`)
)

// parseStep reads one statement.
func parseStep(text string) (step, error) {
	if m := httpLine.FindStringSubmatch(text); m != nil {
		q, want, err := parseRequest(m[3])
		if err == nil && want == nil {
			err = fmt.Errorf("a request needs \"-> ANSWER\": %q", text)
		}
		return httpStep{method: m[1], path: m[2], request: q, want: want}, err
	}
	if m := peerLine.FindStringSubmatch(text); m != nil {
		return parsePeer(m[1], m[2])
	}
	return nil, fmt.Errorf("no statement is like %q", text)
}

// parseConnect reads "open …", "connect …", "joins …" and "stream …".
func parseConnect(name, text string) (step, error) {
	verb, rest, _ := strings.Cut(text, " ")
	switch verb {
	case "open":
		q, want, err := parseRequest(rest)
		if q.offers == nil {
			q.offers = []string{"baton.v1"}
		}
		return openStep{name: name, request: q, want: want}, err
	case "connect":
		q, _, err := parseRequest(rest)
		return connectStep{name: name, as: q.as}, err
	case "joins", "stream":
		path, rest, _ := strings.Cut(rest, " ")
		q, _, err := parseRequest(rest)
		if verb == "stream" {
			return streamStep{name: name, path: path, request: q}, err
		}
		return connectStep{name: name, as: q.as, doc: path}, err
	}
	return nil, fmt.Errorf("a connection cannot %q", text)
}

// parseRequest reads "[as NAME] [in PLACE] [offering P,P] [Field:value …] [BODY]
// [-> STATUS [Field:part …] [PATTERN]]".
func parseRequest(text string) (q request, want *answer, err error) {
	text, expected, hasAnswer := strings.Cut(" "+text, " -> ")
	for text = strings.TrimSpace(text); text != "" && q.body == ""; text = strings.TrimSpace(text) {
		var word string
		if strings.ContainsRune(`{["`, rune(text[0])) {
			q.body = text
			break
		}
		word, text, _ = strings.Cut(text, " ")
		if f := field.FindStringSubmatch(word); f != nil {
			q.fields = append(q.fields, [2]string{f[1], f[2]})
			continue
		}
		var arg string
		arg, text, _ = strings.Cut(strings.TrimSpace(text), " ")
		switch word {
		case "as":
			q.as = arg
		case "in":
			q.place = arg
		case "offering":
			q.offers = slices.DeleteFunc(strings.Split(arg, ","), func(s string) bool { return s == "none" })
		default:
			return q, nil, fmt.Errorf("no request has %q", word)
		}
	}
	if hasAnswer {
		want, err = parseAnswer(expected)
	}
	return q, want, err
}

func parseAnswer(text string) (*answer, error) {
	status, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.Atoi(status)
	if err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	a := &answer{status: n}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		word, after, _ := strings.Cut(rest, " ")
		f := field.FindStringSubmatch(word)
		if f == nil {
			a.hasAny = true
			a.body, err = parsePattern(rest)
			return a, err
		}
		a.fields, rest = append(a.fields, [2]string{f[1], f[2]}), after
	}
	return a, nil
}

// parsePeer reads the statements that begin with a connection's letter.
func parsePeer(name, rest string) (step, error) {
	mark, arg, _ := strings.Cut(rest, " ")
	arg = strings.TrimSpace(arg)
	switch {
	case mark == ">>":
		text, err := strconv.Unquote(arg)
		if err != nil {
			return nil, fmt.Errorf("read string %s: %w", arg, err)
		}
		return sendStep{name: name, text: text, raw: true}, nil
	case strings.HasPrefix(mark, ">*"):
		return sendStep{name: name, text: arg, times: mark[2:]}, nil
	case mark == ">":
		return sendStep{name: name, text: arg}, nil
	case mark == "<", strings.HasPrefix(mark, "<..."):
		want, err := parsePattern(arg)
		types, skip := strings.CutPrefix(mark, "<...")
		return expectStep{name: name, want: want, skip: skip, types: list(types)}, err
	case mark == "~":
		long, types, _ := strings.Cut(arg, " ")
		d, err := time.ParseDuration(long)
		return quietStep{name: name, long: d, types: list(types)}, err
	case mark == "!" && arg == "any":
		return closedStep{name: name}, nil
	case mark == "!":
		code, err := strconv.Atoi(arg)
		return closedStep{name: name, code: code}, err
	case arg == "close":
		return closeStep{name}, nil
	case arg == "in order":
		return orderStep{name}, nil
	}
	return parseConnect(name, arg)
}

func list(types string) []string {
	if types == "" {
		return nil
	}
	return strings.Split(types, ",")
}
