package main

import "embed"

//go:embed completion
var completionScripts embed.FS

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help implements [kong.HelpProvider].
func (completionCmd) Help() string {
	return `Names of documents are completed too: from --log or --url, if they are on the line already, or from what the environment says, or from ./data/oplog.db.

Examples:
  source <(baton-snapshot completion bash)     in ~/.bashrc
  source <(baton-snapshot completion zsh)      in ~/.zshrc, behind compinit
  baton-snapshot completion fish | source      in ~/.config/fish/config.fish`
}

// Run prints the script.
func (c *completionCmd) Run(t *tool) error {
	script, err := completionScripts.ReadFile("completion/" + c.Shell)
	if err != nil {
		return err
	}
	_, err = t.out.Write(script)
	return err
}
