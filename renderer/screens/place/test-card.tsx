// The connection test: ten questions to a destination, each answered on its own, and what was found beside them.
import { PlugZap } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatDuration, numberWord, plural } from '../../../shared/format.ts';
import type { TargetTest, TestStage, TestStageName } from '../../../shared/targets.ts';
import { testDestination } from '../../actions/destinations.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { HiddenText } from '../../components/hidden-text.tsx';
import { Note } from '../../components/note.tsx';
import { StageList } from '../../components/stage-list.tsx';
import { checkForm } from '../../store/place-form.ts';
import type { DestinationDraft } from '../../store/store.ts';
import { findingsOf, stageNames, stageWords } from '../parts/destination-words.ts';
import { focusFirstError } from './field-props.ts';
import { FindingLine } from '../../components/finding.tsx';
import styles from './test-card.module.css';

interface TestCardProps {
  readonly draft: DestinationDraft;
  /** The database whose history would be kept there, where it is known. */
  readonly databasePath: string | undefined;
}

export function TestCard({ draft, databasePath }: TestCardProps): ReactNode {
  return (
    <Card heading="Connection test" isPadded>
      <TestWords draft={draft} />
      <div className={styles.end}>
        <TestButton draft={draft} onTest={() => void testDestination(databasePath).then(focusFirstError)} />
      </div>
    </Card>
  );
}

interface TestButtonProps {
  readonly draft: DestinationDraft;
  readonly onTest: () => void;
}

/** Begins a test; loud while there is none that has passed. */
export function TestButton({ draft: { test }, onTest }: TestButtonProps): ReactNode {
  const isRunning = test?.kind === 'running';
  const isPassed = test?.kind === 'done' && test.test.isUsable;
  return (
    <Button kind={isPassed ? 'plain' : 'primary'} icon={PlugZap} isPending={isRunning} onPress={onTest}>
      {isRunning ? 'Testing…' : test === undefined ? 'Test the connection' : 'Test again'}
    </Button>
  );
}

/** What a draft’s test says, without a button; before it, what it will ask. */
export function TestWords({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const { test } = draft;
  if (test?.kind === 'failed') {
    return <ErrorNote error={test.error} />;
  }
  if (test?.kind === 'done') return <Result test={test.test} />;
  return (
    <>
      <p className={styles.about}>
        {test === undefined
          ? 'Goes through it step by step, corrects what it can, and leaves nothing behind.'
          : 'Going through it step by step…'}
      </p>
      <StageList
        label="Stages of the test"
        isDense
        stages={namesFor(draft).map((name, index) => ({
          key: name,
          state: test !== undefined && index === 0 ? 'running' : 'waiting',
          text: stageNames[name],
        }))}
      />
    </>
  );
}

/** What it means to save this draft now; `isProven`: its place is one where everything gets through at present. */
export function testSentence({ test, targetId, form, isTried }: DestinationDraft, isProven = false): string {
  const wrong = Object.keys(checkForm(form)).length;
  if (isTried && wrong > 0) return `${plural(wrong, 'field')} ${wrong === 1 ? 'needs' : 'need'} a look first.`;
  if (test?.kind === 'running') return 'The test is running.';
  if (test?.kind === 'done' && test.test.isUsable) return 'The test has passed.';
  const meanwhile =
    targetId === undefined
      ? 'Saved like this, nothing may get through; captured changes wait on this computer until it works.'
      : 'Saved like this, nothing may get through until it works; what lies there stays.';
  const failed = test?.kind === 'done' ? test.test.stages.find(({ state }) => state === 'failed') : undefined;
  if (failed !== undefined) return `The test failed at ${stageWords[failed.name]}. ${meanwhile}`;
  if (isProven) return 'It works as it is: what is captured gets there.';
  return `Not tested as it is now. ${meanwhile}`;
}

const words: Readonly<Record<TestStage['state'], string>> = {
  ok: 'Passed',
  warning: 'Passed, with a remark',
  failed: 'Failed',
  skipped: 'Not asked',
};

function Result({ test }: { readonly test: TargetTest }): ReactNode {
  const failed = test.stages.find(({ state }) => state === 'failed');
  return (
    <div className={styles.result}>
      <div role="status">
        {test.isUsable ? (
          <Note tone="good" title="It works.">
            {outcome(test)}
          </Note>
        ) : (
          <Note
            tone="problem"
            title={failed === undefined ? 'It does not work.' : `It fails at ${stageWords[failed.name]}.`}
          >
            {failed?.error === undefined ? (failed?.text ?? '') : <ErrorText error={failed.error} />}
          </Note>
        )}
      </div>
      <StageList
        label="Stages of the test"
        isDense
        stages={test.stages.map((stage) => ({
          key: stage.name,
          state: stage.state === 'ok' ? 'done' : stage.state,
          text: <StageWords stage={stage} />,
          figures: stage.state === 'skipped' ? '' : formatDuration(stage.ms),
        }))}
      />
      <Findings test={test} />
    </div>
  );
}

/** What a test that passed says first. */
function outcome({ corrected, stages }: TargetTest): string {
  if (corrected.length > 0) return corrected.join(' ');
  const remarks = stages.filter(({ state }) => state === 'warning').length;
  if (remarks === 0) return 'Every step passed.';
  return `Every step passed, ${remarks === 1 ? 'one' : numberWord(remarks)} with a remark.`;
}

function StageWords({ stage }: { readonly stage: TestStage }): ReactNode {
  const { name, state, text, error } = stage;
  return (
    <>
      <HiddenText>{words[state]}: </HiddenText>
      {state === 'skipped' ? stageNames[name] : text}
      {state === 'warning' && (
        <span className={styles.todo}>
          {error?.safe} {error?.hint}
        </span>
      )}
    </>
  );
}

function Findings({ test }: { readonly test: TargetTest }): ReactNode {
  const findings = findingsOf(test);
  if (findings.length === 0) return undefined;
  return (
    <div className={styles.findings}>
      {findings.map((text) => (
        <FindingLine key={text} tone="good">
          {text}
        </FindingLine>
      ))}
    </div>
  );
}

/** A folder has no address, no clock and no keys. */
function namesFor({ form }: DestinationDraft): readonly TestStageName[] {
  return form.kind === 'folder'
    ? ['address', 'list', 'write', 'read', 'delete']
    : (Object.keys(stageNames) as TestStageName[]);
}
