package relay

import (
	"encoding/hex"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/webhook"
)

// notify tells backends what happened to the document. r.mu is held: nothing is
// waited for.
func (r *room) notify(ev webhook.Event) {
	ev.Doc, ev.Epoch = string(r.doc), string(r.state.Epoch)
	r.srv.cfg.Webhooks.Put(ev)
}

// notifyStored tells backends of a new snapshot.
func (s *Server) notifyStored(c *call, blob *oplog.Snapshot) {
	if s.cfg.Webhooks == nil {
		return
	}
	ev := webhook.Event{
		Type: webhook.Stored, Doc: string(c.doc), Format: string(blob.Format), Offset: uint64(blob.Offset),
		Bytes: blob.Bytes, SHA256: hex.EncodeToString(blob.SHA256[:]), By: blob.By,
	}
	if state, err := s.log.State(c.r.Context(), c.doc); err == nil { // else it is gone again
		ev.Epoch = string(state.Epoch)
	}
	s.cfg.Webhooks.Put(ev)
}

// hooks shows how the queue of webhooks stands; without one, at nothing.
type hooks struct{ queue *webhook.Queue }

var (
	descDelivered = describe("baton_webhook_delivered_total", "Notices that an endpoint took.")
	descFailed    = describe("baton_webhook_failed_attempts_total", "Attempts to deliver a notice that failed.")
	descDropped   = describe("baton_webhook_dropped_total", "Notices that were given up.")
	descWaiting   = describe("baton_webhook_waiting", "Notices that are not delivered yet.")
	descOldest    = describe("baton_webhook_oldest_seconds", "Age of the oldest notice that is not delivered yet.")
	descUnsaved   = describe("baton_webhook_unsaved", "1 while notices wait in memory only, as their file takes no writes, else 0.")
	descGone      = describe("baton_webhook_endpoints_gone", "Endpoints that said 410 and are told nothing any more.")
)

// Describe implements [prometheus.Collector].
func (hooks) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descDelivered, descFailed, descDropped, descWaiting, descOldest, descUnsaved, descGone} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (h hooks) Collect(ch chan<- prometheus.Metric) {
	st := h.queue.Stats()
	send := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
		ch <- prometheus.MustNewConstMetric(d, t, v)
	}
	send(descDelivered, prometheus.CounterValue, float64(st.Delivered))
	send(descFailed, prometheus.CounterValue, float64(st.Failed))
	send(descDropped, prometheus.CounterValue, float64(st.Dropped))
	send(descWaiting, prometheus.GaugeValue, float64(st.Waiting))
	send(descOldest, prometheus.GaugeValue, st.Oldest.Seconds())
	send(descUnsaved, prometheus.GaugeValue, truth(st.Unsaved))
	send(descGone, prometheus.GaugeValue, float64(st.Gone))
}
