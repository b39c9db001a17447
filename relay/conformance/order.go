package conformance

import (
	"encoding/json"
	"fmt"
)

// order watches what one connection hears of documents for what a dialogue's
// patterns cannot say: an op must never come behind a higher offset that was
// delivered, acked or called live before it.
type order struct {
	docs   map[string]*heights
	broken string // the first breach
}

// heights are the highest offsets heard of one document since its join.
type heights struct {
	op, ack, live int64
	acked         map[string]int64 // by actor: the highest seq
}

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
		h = &heights{acked: map[string]int64{}}
		o.docs[f.Doc] = h
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
		if f.Offset > h.ack && f.Seq < h.acked[f.Actor] {
			o.broken = fmt.Sprintf("ack of %s:%d at offset %d came after one of %s:%d: %s", f.Actor, f.Seq, f.Offset, f.Actor, h.acked[f.Actor], short(frame))
			return
		}
		h.ack = max(h.ack, f.Offset)
		h.acked[f.Actor] = max(h.acked[f.Actor], f.Seq)
	case "live":
		h.live = max(h.live, f.Offset)
	}
}
