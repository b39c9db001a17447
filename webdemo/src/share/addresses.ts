// Under which origins others find this relay. The page may have been opened as localhost, which is of no use to them.

import { useEffect, useState } from "react"

/** Whether a host, as in location.hostname, is nobody's but this machine's. */
export function isLoopback(host: string): boolean {
  return host === "[::1]" || /(^|\.)localhost$/.test(host) || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** The origins by which others reach this relay: none if only this machine does, undefined until that is known. */
export function useOrigins(): string[] | undefined {
  const here = isLoopback(location.hostname) ? undefined : location.origin
  const [origins, setOrigins] = useState(here === undefined ? undefined : [here])
  useEffect(() => {
    if (here !== undefined) return
    let wanted = true
    void ask().then((found) => wanted && setOrigins(found))
    return () => {
      wanted = false
    }
  }, [here])
  return origins
}

async function ask(): Promise<string[]> {
  try {
    const { addresses } = await (await fetch("/addresses.json")).json()
    return addresses.map((address: string) => new URL(address).origin)
  } catch {
    return [] // the relay cannot be asked, and so nobody could come
  }
}
