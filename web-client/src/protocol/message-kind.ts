// Generated from the table MessageKind (display/wire/src/kind.rs); do not edit. To generate it again:
// cargo run --release -p oriel-wire --example web-constants

/** Numbers of the messages to the client. */
export const ServerMessageKind = {
  Welcome: 0x01,
  Frame: 0x02,
  CursorShape: 0x03,
  CursorMove: 0x04,
  Leds: 0x05,
  Notice: 0x06,
  Pong: 0x07,
  Closed: 0x08,
  Audio: 0x09,
  Agents: 0x0a,
  ClipboardOffer: 0x0b,
  ClipboardRequest: 0x0c,
  ClipboardData: 0x0d,
  FileStatus: 0x0e,
  Screens: 0x0f,
  FrameHash: 0x10,
  FileOffer: 0x11,
  FileContent: 0x12,
} as const;

/** Numbers of the messages to the server. */
export const ClientMessageKind = {
  Hello: 0x81,
  Ack: 0x82,
  Key: 0x83,
  PointerTo: 0x84,
  Button: 0x85,
  Wheel: 0x86,
  ReleaseAll: 0x87,
  Settings: 0x88,
  Ping: 0x89,
  Refresh: 0x8a,
  VideoFailed: 0x8b,
  PointerBy: 0x8c,
  LayoutRequest: 0x8d,
  ClipboardOffer: 0x8e,
  ClipboardRequest: 0x8f,
  ClipboardData: 0x90,
  FileStart: 0x91,
  FileData: 0x92,
  FileCancel: 0x93,
  Sound: 0x94,
  Recording: 0x95,
  ResumeHashes: 0x96,
  FileAnswer: 0x97,
  FileTaken: 0x98,
} as const;
