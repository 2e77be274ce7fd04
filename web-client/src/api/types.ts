/** JSON of the HTTP API, with its field names (docs/http-api.md). */

/** User of the session. */
export interface User {
  /** Identifier. */
  readonly id: string;
  /** Login name. */
  readonly name: string;
  /** Name for display. */
  readonly display_name: string;
  /** Whether the user is an administrator. */
  readonly admin: boolean;
}

/** Theme of the page; `system` follows the operating system. */
export type Theme = 'system' | 'light' | 'dark';

/** Settings of a user. */
export interface Settings {
  /** Theme of the page. */
  readonly theme: Theme;
  /** XKB layout of the user's desktops. */
  readonly layout: string;
  /** XKB variant; empty: none. */
  readonly layout_variant: string;
  /** Whether everything is sent as video; `null`: as the pool is configured. */
  readonly video_only: boolean | null;
  /** Whether the statistics overlay is shown. */
  readonly overlay: boolean;
}

/** Session of a user. */
export interface Session {
  /** Logged-in user. */
  readonly user: User;
  /** CSRF token for calls that change state. */
  readonly csrf: string;
  /** Settings of the user. */
  readonly settings: Settings;
  /** Lifetime of the session, in seconds. */
  readonly lifetime: {
    /** Longest time without a key, the pointer or a touch. */
    readonly idle_s: number;
    /** Time until the end without activity. */
    readonly idle_left_s: number;
    /** Time until the end in any case. */
    readonly left_s: number;
  };
  /** Version of the server, and a line that describes its host. */
  readonly server: { readonly version: string; readonly host_line: string };
}

/** Power state of a desktop. */
export type DesktopState = 'stopped' | 'starting' | 'running' | 'stopping' | 'failed';

/** Record of a desktop. */
export interface Desktop {
  /** Identifier. */
  readonly id: string;
  /** Display name. */
  readonly name: string;
  /** Name of its pool. */
  readonly pool: string;
  /** Name of its image. */
  readonly image: string;
  /** Virtual machine monitor. */
  readonly machine: 'kvm' | 'qemu';
  /** Whether the processor is emulated in software. */
  readonly emulated: boolean;
  /** Description of the machine for display. */
  readonly machine_text: string;
  /** Power state. */
  readonly state: DesktopState;
  /** Reason of the state, one sentence, if the state needs one: always for `failed`; otherwise `null`. */
  readonly reason: string | null;
  /** Whether the desktop stands still until the host's disk has room for its writes. */
  readonly waiting_for_disk: boolean;
  /** Time of the last change of `state` (RFC 3339). */
  readonly since: string;
  /** Number of virtual processors. */
  readonly cpus: number;
  /** Memory in MiB. */
  readonly memory_mib: number;
  /** Number of connected viewers. */
  readonly viewers: number;
  /** Size of the desktop's screen in pixels; `null` if unknown. */
  readonly screen: { readonly width: number; readonly height: number } | null;
  /** Whether everything is sent as video: the effective value for this user and desktop. */
  readonly video_only: boolean;
}

/** Power action; `force-stop` and `reset` act without the guest. */
export type PowerAction = 'start' | 'stop' | 'force-stop' | 'restart' | 'reset';
