/** Decorative illustration of a house front at dusk; hidden from assistive technology. */
export function DuskScene() {
  return (
    <div class="dusk" aria-hidden="true">
      <svg viewBox="0 0 600 800" preserveAspectRatio="xMidYMid slice" focusable="false">
        <defs>
          <linearGradient id="dusk-sky" x2="0" y2="1">
            <stop class="dusk-sky-high" />
            <stop class="dusk-sky-low" offset="1" />
          </linearGradient>
          <linearGradient id="dusk-lamp" x2="0" y2="1">
            <stop class="dusk-lamp-high" />
            <stop class="dusk-lamp-low" offset="1" />
          </linearGradient>
          <radialGradient id="dusk-glow">
            <stop class="dusk-glow-in" />
            <stop class="dusk-glow-out" offset="1" />
          </radialGradient>
        </defs>
        <path fill="url(#dusk-sky)" d="M0 0h600v800H0z" />
        <path class="dusk-far" d="M0 330l70-50 80 60v-40l60-44 60 44v500H0zM600 300l-60-46-60 46v60l-70-40-60 50v480h250z" />
        <path class="dusk-wall" d="M90 210 300 96l210 114v590H90z" />
        <path class="dusk-eaves" d="M70 214 300 88l230 126-8 14L300 108 78 228z" />
        <ellipse cx="300" cy="420" rx="290" ry="270" fill="url(#dusk-glow)" />
        <path class="dusk-roof" d="M150 298 300 262l150 36 16 18H134z" />
        <path fill="url(#dusk-lamp)" d="M152 324l82-8v196l-82-10zM244 316h112v196H244zM366 316l82 8v178l-82 10z" />
        <path
          class="dusk-bars"
          d="M193 320v188M152 384l82-5M152 443l82 3M300 316v196M244 379h112M244 446h112M407 320v188M366 379l82 5M366 446l82-3"
        />
        <path class="dusk-shade" d="M244 512v-12h112v12zM272 440h56v42h-22v10h10v8h-32v-8h10v-10h-22z" />
        <path class="dusk-roof" d="M132 506l104 12h128l104-12v20H132z" />
        <path class="dusk-corbel" d="M150 526h300l-66 68H216z" />
        <path class="dusk-corbel dusk-corbel-low" d="M222 594h156l-46 44h-64z" />
        <path class="dusk-low-pane" d="M140 690h90v110h-90zM370 690h90v110h-90z" />
      </svg>
    </div>
  );
}
