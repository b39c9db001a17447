package conformance

import (
	"encoding/json"
	"fmt"
)

// order watches what one connection hears of documents for what a dialogue's
// patterns cannot say: an op must never come behind a higher offset that was
// delivered, acked or called live before it, and nothing of a document behind
// left.
type order struct {
	docs   map[string]*heights
	broken string // the first breach
}

// heights are the highest offsets heard of one document since its join.
type heights struct {
	op, ack, live int64
	acked         map[string]ack // by actor: the highest
	left          bool
}

type ack struct{ seq, offset int64 }

func (o *order) note(frame json.RawMessage) {
	var f struct {
		Type   string `json:"type"`
		Doc    string `json:"doc"`
		Actor  string `json:"actor"`
		Seq    int64  `json:"seq"`
		Offset int64  `json:"offset"`
		Ops    []struct {
			Offset int64 `json:"offset"`
		} `json:"ops"`
	}
	if o.broken != "" || json.Unmarshal(frame, &f) != nil {
		return
	}
	if o.docs == nil {
		o.docs = map[string]*heights{}
	}
	h := o.docs[f.Doc]
	if h == nil || f.Type == "joined" {
		h = &heights{acked: map[string]ack{}}
		o.docs[f.Doc] = h
	}
	switch {
	case f.Type == "left":
		h.left = true
	case h.left && f.Doc != "" && f.Type != "error":
		o.broken = fmt.Sprintf("came of a document that was left: %s", short(frame))
	}
	switch f.Type {
	case "ops":
		for _, op := range f.Ops {
			if op.Offset <= max(h.op, h.ack, h.live) {
				o.broken = fmt.Sprintf("op at offset %d came after op %d, ack %d, live %d: %s", op.Offset, h.op, h.ack, h.live, short(frame))
				return
			}
			h.op = op.Offset
		}
	case "ack":
		// A retry is answered for itself: with an older seq and its older offset.
		last := h.acked[f.Actor]
		if f.Seq < last.seq && f.Offset >= last.offset {
			o.broken = fmt.Sprintf("ack of %s:%d at offset %d came after one of %s:%d at %d", f.Actor, f.Seq, f.Offset, f.Actor, last.seq, last.offset)
			return
		}
		h.ack = max(h.ack, f.Offset)
		if f.Seq > last.seq {
			h.acked[f.Actor] = ack{f.Seq, f.Offset}
		}
	case "live":
		h.live = max(h.live, f.Offset)
	}
}
