package running_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMonitoring runs a relay under load with a real Prometheus beside it, and
// holds to them what is written about watching one.
func TestMonitoring(t *testing.T) {
	relay := startWatched(t)
	load := relay.load(t)
	prom := startPrometheus(t, relay)
	exposed := relay.exposed(t) // after the first offences: no counter is missing
	t.Run("promtool accepts the metrics", func(t *testing.T) { promtool(t, exposed, "check", "metrics") })
	t.Run("the table is true", func(t *testing.T) { wantTable(t, exposed) })
	t.Run("no document and no person is named", func(t *testing.T) { wantNoNames(t, exposed) })
	t.Run("every query has data", func(t *testing.T) { wantData(t, prom) })
	load.end(t)
}

// TestAlerts has the judge of Prometheus try the alerts and the example.
func TestAlerts(t *testing.T) {
	promtool(t, "", "check", "rules", "alerts.yml")
	promtool(t, "", "test", "rules", "alerts_test.yml")
	promtool(t, "", "check", "config", "prometheus.yml")
}

// promtool runs the command; to check metrics it must not say a word.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(stdin)
	said, err := cmd.CombinedOutput()
	if err != nil || stdin != "" && len(said) > 0 {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// metricRow is what is said of a metric: in docs/metrics.md, and by its HELP, TYPE and samples.
type metricRow struct{ kind, labels, help string }

// wantTable holds docs/metrics.md to what a relay exposes, both ways. Of what
// comes from Go's library only the beginnings are in the table.
func wantTable(t *testing.T, exposed string) {
	text, err := os.ReadFile("../metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]metricRow{}
	row := regexp.MustCompile("(?m)^\\| `(baton_[a-z_]+)` \\| (\\w+) \\|(.*?)\\| (.+) \\|$")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		table[m[1]] = metricRow{m[2], strings.TrimSpace(m[3]), m[4]}
	}
	real := metricRows(exposed)
	for _, name := range slices.Sorted(maps.Keys(real)) {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		if got := table[name]; got != real[name] {
			t.Errorf("docs/metrics.md says of %s:\n%+v, want\n%+v; the row is\n| `%s` | %s | %s | %s |", name, got, real[name], name, real[name].kind, real[name].labels, real[name].help)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if real[name] == (metricRow{}) {
			t.Errorf("docs/metrics.md has %s, which a relay under load does not expose", name)
		}
	}
	if len(table) < 25 {
		t.Errorf("got %d metrics in the table", len(table))
	}
}

// metricRows reads the text format.
func metricRows(exposed string) map[string]metricRow {
	rows := map[string]metricRow{}
	name := "" // of the metric whose samples follow
	label := regexp.MustCompile(`[{,]([a-z]+)="`)
	for line := range strings.Lines(exposed) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			var help string
			name, help, _ = strings.Cut(rest, " ")
			rows[name] = metricRow{help: help}
			continue
		}
		row := rows[name]
		if rest, ok := strings.CutPrefix(line, "# TYPE "+name+" "); ok {
			row.kind = rest
		} else {
			var labels []string
			for _, m := range label.FindAllStringSubmatch(line, -1) {
				if m[1] != "le" {
					labels = append(labels, "`"+m[1]+"`")
				}
			}
			row.labels = strings.Join(labels, ", ")
		}
		rows[name] = row
	}
	return rows
}

// wantNoNames looks for those of the load in what is exposed.
func wantNoNames(t *testing.T, exposed string) {
	for _, name := range []string{loadDoc, "ann", "guest", "operator"} {
		if m := regexp.MustCompile(`[{,][a-z]+="[^"]*\b` + name + `\b.*`).FindString(exposed); m != "" {
			t.Errorf("%q is named: %s", name, m)
		}
	}
}

// dashboardFile is what the test reads of grafana.json.
type dashboardFile struct {
	SchemaVersion int
	Panels        []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

// wantData asks Prometheus each query of the dashboard, as Grafana would, until
// all have an answer with numbers in it.
func wantData(t *testing.T, prom *prometheusServer) {
	text, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboardFile
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids, rows := map[int]bool{}, 0
	waiting := map[string]string{} // queries, and where they stand
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: its id is another's too, or it has no place: %+v", p.Title, p.GridPos)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows++
		} else if len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, q := range p.Targets {
			waiting[asked(q.Expr)] = p.Title
			if q.LegendFormat == "" {
				t.Errorf("panel %q: a query has no legend", p.Title)
			}
		}
	}
	total := len(waiting)
	if board.SchemaVersion < 39 || rows < 7 || total < 40 {
		t.Errorf("got schema %d, %d rows and %d queries; want 39, 7 and 40 at least", board.SchemaVersion, rows, total)
	}
	for _, v := range board.Templating.List {
		if m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition); v.Type == "query" && m != nil {
			waiting[fmt.Sprintf("count by (%s) (%s)", m[2], m[1])] = "variable " + v.Name
		} else if v.Type != "datasource" {
			t.Errorf("variable %s: got %s %q", v.Name, v.Type, v.Definition)
		}
	}
	began := time.Now()
	eventually(t, func() bool {
		for query := range waiting {
			if prom.hasNumbers(t, query) {
				delete(waiting, query)
			}
		}
		return len(waiting) == 0
	}, func() string { return fmt.Sprintf("queries without data: %q", waiting) })
	t.Logf("%d queries had data after %v", total, time.Since(began).Round(time.Millisecond))
}

// asked replaces Grafana's variables in a query.
func asked(expr string) string {
	return strings.NewReplacer("$instance", ".+", "$__rate_interval", "5s").Replace(expr)
}

// hasNumbers asks a query. One that does not parse fails the test.
func (p *prometheusServer) hasNumbers(t *testing.T, query string) bool {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Value [2]any
			}
		}
	}
	text := p.get(t, "/api/v1/query?query="+url.QueryEscape(query))
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Status != "success" {
		t.Fatalf("query %s: %v %s", query, err, answer.Error)
	}
	for _, r := range answer.Data.Result {
		s, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) {
			return true
		}
	}
	return false
}
