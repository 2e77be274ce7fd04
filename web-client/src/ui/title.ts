import { useEffect } from 'preact/hooks';

/** Sets the document's title, with the product's name. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – Oriel`;
  }, [title]);
}
