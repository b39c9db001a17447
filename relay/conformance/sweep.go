package conformance

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// sweep deletes the documents of this run, as far as the server lets it: whether
// it does is shown by dialogues, not here.
func (t *target) sweep(ctx context.Context) {
	prefix := "conf-" + t.id
	for after := prefix; ; {
		var list struct {
			Docs []string `json:"docs"`
			Next string   `json:"next"`
		}
		body := t.asAdmin(ctx, http.MethodGet, "/v1/docs?after="+url.QueryEscape(after))
		if json.Unmarshal(body, &list) != nil {
			return
		}
		for _, doc := range list.Docs {
			if !strings.HasPrefix(doc, prefix) {
				return
			}
			t.asAdmin(ctx, http.MethodDelete, "/v1/docs/"+doc)
		}
		if after = list.Next; after == "" {
			return
		}
	}
}

// asAdmin returns the body of an answer, nil if there is none.
func (t *target) asAdmin(ctx context.Context, method, path string) []byte {
	req, err := http.NewRequestWithContext(ctx, method, t.http+path, nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+t.cfg.Tokens["admin"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	return body
}
