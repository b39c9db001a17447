package doc

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Moment is a point in the past of a document, as people name it: an offset, a
// time, or a clock. The zero value is now.
type Moment struct {
	offset *oplog.Offset
	time   time.Time
	clock  *clock.Vector
}

// IsNow reports whether the moment is now.
func (m Moment) IsNow() bool { return m.offset == nil && m.time.IsZero() && m.clock == nil }

// MomentHelp says in one sentence what ParseMoment takes.
const MomentHelp = `an offset (4000), a time (2026-11-24T10:00:00Z, "2026-11-24 10:00" in local time, 2026-11-24, 90m, 3d or "2h ago"), or a clock (alice:17,bob:26 or {"alice":17})`

// ParseMoment reads a moment: an offset; a time, in local time where it has no
// zone, or how long before now; or a clock, as JSON or as actor:seq,…. Empty and
// "now" are now.
func ParseMoment(s string, now time.Time) (Moment, error) {
	text := strings.TrimSpace(s)
	if text == "" || text == "now" {
		return Moment{}, nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		if n > clock.MaxSeq {
			return Moment{}, fmt.Errorf("%s is no offset: those end at 2^53-1", text)
		}
		at := oplog.Offset(n)
		return Moment{offset: &at}, nil
	}
	if t, ok := parseTime(text, now); ok {
		return Moment{time: t}, nil
	}
	v, err := parseClock(text)
	if err != nil {
		return Moment{}, fmt.Errorf("%q is no moment: give %s", s, MomentHelp)
	}
	return Moment{clock: &v}, nil
}

var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04",
	time.DateOnly,
}

func parseTime(text string, now time.Time) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, true
		}
	}
	ago := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "-"), "ago"))
	if days, ok := strings.CutSuffix(ago, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), true
		}
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d), true
	}
	return time.Time{}, false
}

func parseClock(text string) (v clock.Vector, err error) {
	if strings.HasPrefix(text, "{") {
		err = json.Unmarshal([]byte(text), &v)
		return v, err
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		i := strings.LastIndexByte(part, ':')
		if i < 0 {
			return v, fmt.Errorf("%q is no actor:seq", part)
		}
		actor, err := clock.ParseActor(part[:i])
		if err != nil {
			return v, err
		}
		seq, err := clock.ParseSeq([]byte(part[i+1:]))
		if err != nil {
			return v, err
		}
		v.Raise(actor, seq)
	}
	return v, nil
}

func (m Moment) String() string {
	switch {
	case m.offset != nil:
		return "offset " + strconv.FormatUint(uint64(*m.offset), 10)
	case m.clock != nil:
		return "clock " + string(m.clock.AppendJSON(nil))
	case !m.time.IsZero():
		return m.time.Format(time.RFC3339Nano)
	}
	return "now"
}

// ISO writes a time as Date.toISOString does in JavaScript: in UTC, with
// milliseconds, and a year outside 0 to 9999 with a sign and at least six digits.
func ISO(t time.Time) string {
	t = t.UTC()
	rest := t.Format("-01-02T15:04:05.000Z")
	if year := t.Year(); year < 0 || year > 9999 {
		return fmt.Sprintf("%+07d", year) + rest
	}
	return fmt.Sprintf("%04d", t.Year()) + rest
}
