/** The server's JSON, field for field (docs/http-api.md). */

export interface User {
  readonly id: string;
  readonly name: string;
  readonly display_name: string;
  readonly admin: boolean;
}

export type Theme = 'system' | 'light' | 'dark';

export interface Settings {
  readonly theme: Theme;
  /** XKB layout. */
  readonly layout: string;
  /** XKB variant; empty: none. */
  readonly layout_variant: string;
  /** Everything as H.264; `null`: as the pool says. */
  readonly video_only: boolean | null;
  /** Whether a desktop shows its statistics. */
  readonly overlay: boolean;
}

export interface Session {
  readonly user: User;
  readonly csrf: string;
  readonly settings: Settings;
  readonly server: { readonly version: string; readonly host_line: string };
}

export type DesktopState = 'stopped' | 'starting' | 'running' | 'stopping' | 'failed';

export interface Desktop {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly image: string;
  readonly machine: 'kvm' | 'qemu';
  readonly emulated: boolean;
  readonly machine_text: string;
  readonly state: DesktopState;
  readonly reason: string | null;
  /** RFC 3339. */
  readonly since: string;
  readonly cpus: number;
  readonly memory_mib: number;
  readonly viewers: number;
  readonly screen: { readonly width: number; readonly height: number } | null;
  /** Everything as H.264: what holds for this user on this desktop. */
  readonly video_only: boolean;
}

export type PowerAction = 'start' | 'stop' | 'force-stop' | 'restart' | 'reset';
