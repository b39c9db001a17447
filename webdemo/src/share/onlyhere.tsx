/** Says that nobody but this machine can come in, and how the relay is opened to others. */
export function OnlyHere({ withTokens }: { withTokens: boolean }) {
  const listen = `baton --listen :${location.port || 80}`
  return (
    <div className="share-onlyhere">
      <p>
        <strong>This relay listens on this machine only.</strong> The link opens in other windows here. To let
        other machines in, start the relay with
      </p>
      <code>{listen} --tokens FILE</code>
      <p>
        where FILE says who may do what
        {withTokens ? "." : ", or, where everybody who reaches it may do everything,"}
      </p>
      {!withTokens && <code>{listen} --insecure-no-auth</code>}
    </div>
  )
}
