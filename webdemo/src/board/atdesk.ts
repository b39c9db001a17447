import { useEffect, useState } from "react"
import type { Desk } from "./canvas.tsx"

/** What a desk is given, as long as it is there. `make` is one function for all renders. */
export function useAtDesk<T extends { close(): void }>(
  desk: Desk | undefined,
  make: (desk: Desk) => T,
): T | undefined {
  const [made, setMade] = useState<T>()
  useEffect(() => {
    if (!desk) return undefined
    const given = make(desk)
    setMade(given)
    return () => {
      setMade(undefined)
      given.close()
    }
  }, [desk, make])
  return made
}
